import { FlotillaError } from '../../errors.js';

/**
 * Checks where a git repository is said to be: https, ssh (also `user@host:path`), file or an absolute path. Transports
 * that run commands or do not encrypt are refused, and so is a URL that carries a secret: it would stand in process lists.
 *
 * @returns the URL without its user, for messages
 * @throws FlotillaError ConfigInvalid
 */
export function describeGitUrl(url: string): string {
  if (url === '' || url.startsWith('-') || CONTROL.test(url)) throw refused('is not the URL of a git repository');
  if (url.startsWith('/')) return url;
  if (/^[A-Za-z0-9+.-]+::/.test(url)) throw refused('names a transport that runs commands');
  if (url.includes('://')) return describeSchemed(url);
  const scp = /^(?:([^@/]*)@)?([^@/:]+):(.+)$/.exec(url);
  if (scp === null) throw refused('is not the URL of a git repository');
  const [, user = '', host = '', path = ''] = scp;
  if (user.includes(':') || path.includes('@')) throw carriesSecret();
  if (host.startsWith('-')) throw refused('is not the URL of a git repository');
  return `${host}:${path}`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u0020\u007f]/;

function describeSchemed(url: string): string {
  if (!URL.canParse(url)) throw refused('is not the URL of a git repository');
  const { protocol, username, password, host, pathname, search, hash } = new URL(url);
  if (protocol !== 'https:' && protocol !== 'ssh:' && protocol !== 'file:') {
    throw refused('must be https, ssh or a path of this machine: anything else is not safe');
  }
  // A user of https alone can be a token, too; the user of ssh is none.
  if (password !== '' || search !== '' || hash !== '' || (username !== '' && protocol === 'https:')) {
    throw carriesSecret();
  }
  if (host.startsWith('-')) throw refused('is not the URL of a git repository');
  return `${protocol}//${host}${pathname}`;
}

function refused(reason: string): FlotillaError {
  return new FlotillaError('ConfigInvalid', `the URL of the git source ${reason}`, {
    hint: 'write https://HOST/PATH, ssh://git@HOST/PATH, git@HOST:PATH or an absolute path',
  });
}

function carriesSecret(): FlotillaError {
  return new FlotillaError('ConfigInvalid', 'the URL of the git source carries a user, a password or a token', {
    hint: "leave it out, and let git's own credential helper (git help credentials) or an ssh key answer for it",
  });
}
