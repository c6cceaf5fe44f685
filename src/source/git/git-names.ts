import { posix } from 'node:path';
import type { GitSourceConfig } from '../../config/watch-config.js';
import { FlotillaError } from '../../errors.js';

/** What is fetched, as git names it in full. @throws FlotillaError ConfigInvalid for what can be no branch or tag */
export function fullRef(ref: GitSourceConfig['ref']): string {
  const [kind, name] = 'branch' in ref ? ['branch', ref.branch] : ['tag', ref.tag];
  if (isRefName(name)) return kind === 'branch' ? `refs/heads/${name}` : `refs/tags/${name}`;
  throw new FlotillaError('ConfigInvalid', `the ${kind} of the git source is no name that git allows`, {
    hint: `write the name alone, such as ${kind === 'branch' ? 'main' : 'v1.0.0'}`,
  });
}

/** The rules of `git check-ref-format`; one that starts with `-` is refused, too. */
function isRefName(name: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  const wrong = /[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\/\/|^[-/]|[/.]$|^@$/;
  return name !== '' && !wrong.test(name) && name.split('/').every((part) => !/^\.|\.lock$/.test(part));
}

/** A folder of a repository, normalised; empty for the whole of it. @throws FlotillaError ConfigInvalid outside of it */
export function repositoryFolder(folder: string): string {
  const path = posix.normalize(folder).replace(/\/$/, '');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (folder === '' || posix.isAbsolute(path) || /^\.\.(?:\/|$)|[\u0000-\u001f\u007f]/.test(path)) {
    throw new FlotillaError('ConfigInvalid', `${JSON.stringify(folder)} is no folder of the git repository`, {
      hint: 'manifests and templates of a git source are relative to the root of the repository',
    });
  }
  return path === '.' ? '' : path;
}
