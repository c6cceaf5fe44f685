import { resolve } from 'node:path';

/** Why a repository is not read from an address. Says nothing of what the address holds. */
export interface UrlFault {
  message: string;
  hint: string;
}

/**
 * What the address of a git repository is called in messages: https, ssh (also `user@host:path`), file, or a path of this
 * machine, without its user. Transports that run commands or do not encrypt are refused, and so is an address that carries a
 * secret: it would stand in process lists. Pure.
 */
export function readGitUrl(url: string): { name: string } | { fault: UrlFault } {
  const scheme = schemeOf(url);
  if (scheme !== null && !SCHEMES.has(scheme)) return { fault: unsafe(scheme) };
  if (url === '' || url.startsWith('-') || CONTROL.test(url)) return { fault: NOT_ONE };
  if (scheme !== null) return readSchemed(url);
  return isScp(url) ? readScp(url) : { name: url };
}

/** A path of this machine is made absolute; what is remote stays as it is. */
export function resolveUrl(url: string, base: string): string {
  return schemeOf(url) === null && !isScp(url) ? resolve(base, url) : url;
}

const SCHEMES = new Set(['https', 'ssh', 'file']);
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u0020\u007f]/;

/** `ext::command`, which git would run, has one, too. */
function schemeOf(url: string): string | null {
  return /^([A-Za-z0-9][A-Za-z0-9+.-]*):(?:\/\/|:)/.exec(url)?.[1]?.toLowerCase() ?? null;
}

/** `[user@]host:path`: a colon before the first slash, as git tells it from a path. */
function isScp(url: string): boolean {
  return /^[^/:]+:/.test(url) || /^(?:[^/@]*@)?\[/.test(url);
}

function readSchemed(url: string): { name: string } | { fault: UrlFault } {
  if (!URL.canParse(url)) return { fault: NOT_ONE };
  const { protocol, username, password, host, pathname, search, hash } = new URL(url);
  if (host.startsWith('-')) return { fault: NOT_ONE };
  // A user of https alone can be a token, too; the user of ssh is none.
  const isSecret = password !== '' || search !== '' || hash !== '' || (username !== '' && protocol === 'https:');
  return isSecret ? { fault: SECRET } : { name: `${protocol}//${host}${pathname}` };
}

function readScp(url: string): { name: string } | { fault: UrlFault } {
  const [, user = '', host = '', path = ''] = /^(?:([^@/]*)@)?([^@/:]+|\[[^\]]+\]):(.+)$/.exec(url) ?? [];
  if (host === '' || host.startsWith('-')) return { fault: user.includes(':') ? SECRET : NOT_ONE };
  return user.includes(':') || path.includes('@') ? { fault: SECRET } : { name: `${host}:${path}` };
}

const NOT_ONE: UrlFault = {
  message: 'expected the address of a git repository',
  hint: 'write https://HOST/PATH, ssh://git@HOST/PATH, git@HOST:PATH or a path of this machine',
};
const SECRET: UrlFault = {
  message: 'expected an address without a password, a user or a token',
  hint: 'give them to git by a credential helper (git help credentials), or use a key of ssh',
};

function unsafe(scheme: string): UrlFault {
  return {
    message: `expected https, ssh or a path of this machine, found ${scheme}`,
    hint: 'what is not encrypted, or runs a program, is not read from',
  };
}
