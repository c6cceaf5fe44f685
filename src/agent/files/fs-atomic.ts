import { closeSync, constants, existsSync, fstatSync, lstatSync, openSync, readFileSync } from 'node:fs';
import { chmod, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FlotillaError } from '../../errors.js';
import { STATE_DIRECTORY } from './confine.js';
import { errnoOf } from './host-error.js';

/** More than any of our own files can reasonably have. */
const MAX_STATE_BYTES = 64 << 20;

/** The absolute path of `.flotilla` or of something in it. */
export function statePath(tenantDir: string, ...names: string[]): string {
  return join(tenantDir, STATE_DIRECTORY, ...names);
}

/** Makes `.flotilla` (0700) where it is absent. The instance directory must exist. @throws PathEscapes when it is a link */
export async function ensureStateDirectory(tenantDir: string): Promise<void> {
  const directory = statePath(tenantDir);
  if (existsSync(directory)) return requireStateDirectory(tenantDir);
  await mkdir(directory, { mode: 0o700 }).catch((error: unknown) => {
    if (errnoOf(error) !== 'EEXIST') throw error;
  });
  requireStateDirectory(tenantDir);
  await chmod(directory, 0o700);
  await syncDirectory(tenantDir);
}

/** @throws PathEscapes when `.flotilla` is there and is not a directory of its own */
export function requireStateDirectory(tenantDir: string): void {
  const stat = lstatSync(statePath(tenantDir), { throwIfNoEntry: false });
  if (stat === undefined || stat.isDirectory()) return;
  throw new FlotillaError('PathEscapes', `${statePath(tenantDir)} is not a directory`, {
    hint: `move it away: ${STATE_DIRECTORY} is where Flotilla keeps its own files`,
  });
}

/** The text of one of our own files, null when it is absent. Never follows a link, never waits on a fifo. */
export function readStateFile(tenantDir: string, name: string): string | null {
  requireStateDirectory(tenantDir);
  let fd: number;
  try {
    fd = openSync(statePath(tenantDir, name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return null;
    throw error;
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size > MAX_STATE_BYTES) throw new Error(`${name} is not a file of ours`);
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

/** Replaces a file by rename: after any crash it is old or new, whole. Durable when it returns. */
export async function writeFileAtomic(path: string, data: string | Buffer, mode: number): Promise<void> {
  const temporary = `${path}.tmp`;
  await rm(temporary, { force: true });
  try {
    await writeNew(temporary, data, { mode });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** Writes a file that must not exist yet, with exactly this mode whatever the umask, and its owner where it can be given. Durable. */
export async function writeNew(
  path: string,
  data: string | Buffer,
  options: { mode: number; owner?: { uid: number; gid: number } },
): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  try {
    await handle.writeFile(data);
    if (options.owner) await giveTo(handle, options.owner);
    // After chown, which clears the set-id bits.
    await handle.chmod(options.mode);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Only root can give files away; for everyone else the file stays their own. */
export async function giveTo(
  handle: { stat(): Promise<{ uid: number; gid: number }>; chown(uid: number, gid: number): Promise<void> },
  owner: { uid: number; gid: number },
): Promise<void> {
  const now = await handle.stat();
  if (now.uid === owner.uid && now.gid === owner.gid) return;
  await handle.chown(owner.uid, owner.gid).catch((error: unknown) => {
    if (errnoOf(error) !== 'EPERM') throw error;
  });
}

/** Makes the names in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Brings a directory that was made beside it into place, replacing one of the same name. Either is whole after a crash, or absent. */
export async function replaceDirectory(from: string, to: string): Promise<void> {
  const old = join(dirname(to), `.old-${basename(to)}`);
  await rm(old, { recursive: true, force: true });
  if (existsSync(to)) await rename(to, old);
  await rename(from, to);
  await syncDirectory(dirname(to));
  await rm(old, { recursive: true, force: true });
}
