import { lstatSync, realpathSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { FlotillaError } from '../../errors.js';
import { errnoOf, toHostError } from './host-error.js';

/** Flotilla's own directory inside an instance. Nothing rendered may be in it. */
export const STATE_DIRECTORY = '.flotilla';

/**
 * The absolute directory of an instance. It may not exist yet. Symbolic links stay in the result (compose puts the path
 * into labels and hashes, so it has to be the one that the operator uses), but must not lead out of the root.
 * @throws HostRootMissing when there is no root; PathEscapes when the directory is outside
 */
export async function resolveTenant(root: string, directory: string): Promise<string> {
  const segments = directory.split('/');
  const wrong = wrongSegment(segments);
  if (isAbsolute(directory) || wrong !== undefined) {
    throw escapes(`instance directory ${quote(directory)} is not a plain path below the host's root ${root}`, wrong);
  }
  const tenantDir = resolve(root, directory);
  if (isPlainDirectory(root, segments)) return tenantDir;
  const realRoot = realRootOf(root);
  const real = realpathOfExisting(tenantDir);
  if (!isInside(realRoot, real.path)) {
    throw escapes(
      `instance directory ${quote(directory)} leads out of the host's root ${root} through a symbolic link`,
      `put a real directory there: to keep it on another disk, mount that instead (mount --bind)`,
    );
  }
  if (real.whole && !lstatSync(real.path).isDirectory()) {
    throw new FlotillaError('NotWritable', `${tenantDir} is not a directory`, {
      hint: 'move away the file that is there',
    });
  }
  return tenantDir;
}

/**
 * Checks a managed path and gives the absolute one. `checked` keeps the parent directories that were found in order, for
 * callers with many paths of one tenant.
 * @throws PathEscapes for a path that is not plain, a parent that leads out of the tenant, or a symbolic link at its end;
 *   NotWritable when a parent is not a directory
 */
export function confinePath(tenantDir: string, path: string, checked: Set<string> = new Set()): string {
  const absolute = confineParents(tenantDir, path, checked);
  if (lstatSync(absolute, { throwIfNoEntry: false })?.isSymbolicLink()) throw endsInLink(tenantDir, path);
  return absolute;
}

/** As confinePath, for callers that look at the last component themselves. */
export function confineParents(tenantDir: string, path: string, checked: Set<string>): string {
  checkManagedPath(path);
  for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) {
    const parent = path.slice(0, slash);
    if (checked.has(parent)) continue;
    if (!checkParent(tenantDir, parent, path)) break;
    checked.add(parent);
  }
  return `${tenantDir}/${path}`;
}

/** The lexical half: relative, `/`-separated, no `..`, NUL, backslash, empty segment or `.flotilla` in any case. @throws PathEscapes */
export function checkManagedPath(path: string): void {
  const wrong = wrongSegment(path.split('/'));
  if (wrong !== undefined) throw escapes(`path ${quote(path)} is not a plain path inside the instance`, wrong);
}

/** Whether `path` is `directory` or below it. Both absolute and normalised. */
export function isInside(directory: string, path: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}

export function endsInLink(tenantDir: string, path: string): FlotillaError {
  return escapes(
    `${quote(path)} in ${tenantDir} is a symbolic link`,
    'replace the link by a plain file: Flotilla does not write through links',
  );
}

/** True when it exists and is in order, false when there is nothing yet. */
function checkParent(tenantDir: string, parent: string, path: string): boolean {
  const absolute = `${tenantDir}/${parent}`;
  const stat = lstatSync(absolute, { throwIfNoEntry: false });
  if (stat === undefined) return false;
  if (stat.isSymbolicLink()) {
    const real = realpathOfExisting(absolute);
    const tenant = realpathSync.native(tenantDir);
    if (!real.whole || !isInside(tenant, real.path) || isInside(join(tenant, STATE_DIRECTORY), real.path)) {
      throw escapes(
        `${quote(path)} in ${tenantDir} leads out of the instance: ${quote(parent)} is a symbolic link`,
        'replace the link by a real directory: Flotilla writes nothing outside of the instance',
      );
    }
    return true;
  }
  if (!stat.isDirectory()) {
    throw new FlotillaError(
      'NotWritable',
      `${quote(path)} cannot be in ${tenantDir}: ${quote(parent)} is not a directory`,
      {
        hint: `move away ${parent}`,
      },
    );
  }
  return true;
}

/** Whether all of the way below the root is there and made of directories, none of them a link: the common case. */
function isPlainDirectory(root: string, segments: readonly string[]): boolean {
  let path = root;
  try {
    return segments.every((segment) => {
      path = `${path}/${segment}`;
      return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
    });
  } catch {
    return false;
  }
}

function realRootOf(root: string): string {
  try {
    return realpathSync.native(root);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw toHostError(error, `look at the host's root ${root}`);
    throw new FlotillaError('HostRootMissing', `the host's root ${root} does not exist`, {
      cause: error,
      hint: `create it (mkdir -p ${root}) or correct spec.local of the Host, or the agent's --root`,
    });
  }
}

/** The real path of the deepest part that exists; `whole` when that is all of it. A dangling link counts as escaping: it gives `/`. */
function realpathOfExisting(path: string): { path: string; whole: boolean } {
  for (let current = path, whole = true; ; current = resolve(current, '..'), whole = false) {
    try {
      return { path: realpathSync.native(current), whole };
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ENOTDIR') throw toHostError(error, `look at ${path}`);
      if (lstatSync(current, { throwIfNoEntry: false })?.isSymbolicLink()) return { path: '/', whole: false };
    }
  }
}

function wrongSegment(segments: readonly string[]): string | undefined {
  for (const segment of segments) {
    if (segment === '') return 'it must be relative, without empty parts';
    if (segment === '.' || segment === '..') return `it must not hold ${quote(segment)}`;
    if (segment.includes('\0') || segment.includes('\\')) return 'it must not hold a NUL or a backslash';
    if (segment.toLowerCase() === STATE_DIRECTORY) return `${STATE_DIRECTORY} is Flotilla's own`;
  }
  return undefined;
}

function escapes(message: string, hint?: string): FlotillaError {
  return new FlotillaError('PathEscapes', message, hint === undefined ? {} : { hint });
}

/** JSON quoting keeps control characters out of messages. */
function quote(text: string): string {
  return JSON.stringify(text);
}
