import { resolve } from 'node:path';

/** Why a repository is not read from an address; null when it may be. Says nothing of what the address holds. */
export function findUrlFault(url: string): { message: string; hint: string } | null {
  const scheme = schemeOf(url);
  if (scheme !== null && !SCHEMES.has(scheme)) {
    return {
      message: `expected https, ssh or a path of this machine, found ${scheme}`,
      hint: 'what is not encrypted, or runs a program, is not read from',
    };
  }
  if (/^[^/]*:\/\/[^/]*:[^/]*@/.test(url)) {
    return {
      message: 'expected an address without a password',
      hint: 'give the password to git by a credential helper, or use a key of ssh',
    };
  }
  return null;
}

/** A path of this machine is made absolute; what is remote stays as it is. */
export function resolveUrl(url: string, base: string): string {
  return schemeOf(url) === null && !isScp(url) ? resolve(base, url) : url;
}

const SCHEMES = new Set(['https', 'ssh', 'file']);

/** `ext::command`, which git would run, has one, too. */
function schemeOf(url: string): string | null {
  return /^([A-Za-z][A-Za-z0-9+.-]*):(?:\/\/|:)/.exec(url)?.[1]?.toLowerCase() ?? null;
}

/** `[user@]host:path`: a colon before the first slash, as git tells it from a path. */
function isScp(url: string): boolean {
  return /^[^/:]+:/.test(url) || /^(?:[^/@]*@)?\[/.test(url);
}
