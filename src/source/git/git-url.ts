import { isAbsolute } from 'node:path';
import { readGitUrl } from '../../config/git-url.js';
import { FlotillaError } from '../../errors.js';

/** What a repository is called in messages. @throws FlotillaError ConfigInvalid for an address that is not read from */
export function describeGitUrl(url: string): string {
  const read = readGitUrl(url);
  if ('fault' in read) throw new FlotillaError('ConfigInvalid', read.fault.message, { hint: read.fault.hint });
  const isRemote = read.name !== url || url.includes(':');
  if (isRemote || isAbsolute(url)) return read.name;
  throw new FlotillaError('ConfigInvalid', 'expected an absolute path to the git repository');
}
