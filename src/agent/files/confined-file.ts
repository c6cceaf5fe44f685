import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  type Stats,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { FlotillaError } from '../../errors.js';
import { confinePath, endsInLink, isInside, STATE_DIRECTORY } from './confine.js';
import { errnoOf, toHostError } from './host-error.js';

const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * The bytes of a managed path, null when it is absent. Never waits on a fifo, never follows a link out of the tenant,
 * even when one is put there between the check and the opening.
 * @throws PathEscapes, NotWritable (not a regular file)
 */
export function readManagedFile(tenantDir: string, path: string): Buffer | null {
  confinePath(tenantDir, path);
  const fd = openConfined(tenantDir, path);
  if (fd === null) return null;
  try {
    requireRegular(fstatSync(fd), tenantDir, path);
    return readFileSync(fd);
  } catch (error) {
    throw toHostError(error, `read ${path} in ${tenantDir}`);
  } finally {
    closeSync(fd);
  }
}

/**
 * The text of a file that compose would read in this instance, perhaps through links inside it; undefined when it is
 * absent, outside, or not a regular file. Never throws for what is found there.
 * @param path relative to the instance, not necessarily normalised
 */
export function readProjectFile(tenantDir: string, path: string): string | undefined {
  let fd: number | undefined;
  try {
    const given = resolve(tenantDir, path);
    const stat = lstatSync(given, { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    const real = stat.isSymbolicLink() ? realpathSync.native(given) : given;
    if (!(real === given ? stat : lstatSync(real)).isFile()) return undefined;
    fd = openSync(real, FLAGS);
    // Opened without following a link, and with no directory in between that could be one.
    if (real !== `${tenantDir}/${path}` || path.includes('/')) requireConfined(fd, tenantDir, path);
    return fstatSync(fd).isFile() ? readFileSync(fd, 'utf8') : undefined;
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/**
 * A descriptor to read a path whose parents were checked, null when it is absent; the caller closes it and checks what it is.
 * @param realTenant the real path of the instance, for callers with many paths
 */
export function openConfined(tenantDir: string, path: string, realTenant?: string): number | null {
  let fd: number;
  try {
    fd = openSync(`${tenantDir}/${path}`, FLAGS);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT') return null;
    if (errno === 'ELOOP') throw endsInLink(tenantDir, path);
    if (errno === 'ENXIO') throw notRegular(tenantDir, path);
    throw toHostError(error, `read ${path} in ${tenantDir}`);
  }
  if (!path.includes('/')) return fd;
  try {
    requireConfined(fd, tenantDir, path, realTenant);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return fd;
}

/** @throws PathEscapes unless what is open is inside the tenant: asks the kernel, so that no race can deceive. */
export function requireConfined(
  fd: number,
  tenantDir: string,
  path: string,
  tenant = realpathSync.native(tenantDir),
): void {
  const real = readlinkSync(`/proc/self/fd/${fd}`);
  if (!isInside(tenant, real) || isInside(join(tenant, STATE_DIRECTORY), real)) {
    throw new FlotillaError(
      'PathEscapes',
      `${JSON.stringify(path)} in ${tenantDir} leads out of the instance through a symbolic link`,
    );
  }
}

/** @throws NotWritable for a directory, fifo, socket or device */
export function requireRegular(stat: Pick<Stats, 'isFile' | 'isDirectory'>, tenantDir: string, path: string): void {
  if (!stat.isFile()) throw notRegular(tenantDir, path, stat.isDirectory());
}

function notRegular(tenantDir: string, path: string, directory = false): FlotillaError {
  return new FlotillaError(
    'NotWritable',
    `${path} in ${tenantDir} is ${directory ? 'a directory' : 'not a regular file'}`,
    {
      hint: directory
        ? 'move it away: Flotilla writes a file there (Docker makes a directory where a mounted file is missing)'
        : 'move it away: Flotilla writes a plain file there',
    },
  );
}
