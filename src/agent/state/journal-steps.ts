import { constants, existsSync, type Stats } from 'node:fs';
import { type FileHandle, link, lstat, mkdir, open, readFile, rename, rmdir, unlink } from 'node:fs/promises';
import { FlotillaError } from '../../errors.js';
import { requireRegular } from '../files/confined-file.js';
import { hashPath } from '../files/file-hash.js';
import { giveTo, statePath } from '../files/fs-atomic.js';
import { errnoOf, toHostError } from '../files/host-error.js';
import { type OpenDirectories, within } from '../files/open-directories.js';
import { RECORD_FILE } from './applied-record.js';
import {
  backupPath,
  type Journal,
  type JournalRemove,
  type JournalWrite,
  NEW_RECORD,
  nameOf,
  type OnStep,
  parentOf,
  STAGE,
  stagedPath,
} from './journal-format.js';

/** In-place writes are cut into steps of this size. */
const CHUNK = 64 << 10;

interface Walk {
  tenantDir: string;
  directories: OpenDirectories;
  step: OnStep;
}

/**
 * Makes the file set the new one. Started afresh after an interruption it does again what has no effect twice, and ends
 * in the same state. Directories that become empty stay: they may be mounted.
 */
export async function goForward(walk: Walk, journal: Journal): Promise<void> {
  const staged = statePath(walk.tenantDir, STAGE, NEW_RECORD);
  if (!existsSync(staged)) return;
  for (const path of journal.directories) await makeDirectory(walk, path);
  for (const write of journal.writes) {
    await inParent(walk, write.path, 'write', (parent) => putInPlace(walk, write, parent));
  }
  for (const remove of journal.removes) {
    await inParent(walk, remove.path, 'remove', (parent) => takeAway(walk, remove, parent));
  }
  await syncAll(walk);
  walk.step('replace the record');
  await rename(staged, statePath(walk.tenantDir, RECORD_FILE));
}

/** Makes the file set the old one again, from wherever going forward had come to. It too may be started afresh. */
export async function goBack(walk: Walk, journal: Journal): Promise<void> {
  for (const remove of journal.removes) {
    await inParent(walk, remove.path, 'restore', (parent) => bringBack(walk, remove, parent));
  }
  for (const write of journal.writes.toReversed()) {
    await inParent(walk, write.path, 'restore', (parent) => takeBack(walk, write, parent));
  }
  await syncAll(walk);
  for (const path of journal.directories.toReversed()) {
    walk.step(`remove directory ${path}`);
    const parent = await walk.directories.get(parentOf(path));
    // One that somebody has put something into stays.
    if (parent) await rmdir(within(parent, nameOf(path))).catch(() => undefined);
  }
}

/** With the mode that programs expect, whatever our umask, and the owner of the directory around it. */
async function makeDirectory({ tenantDir, directories, step }: Walk, path: string): Promise<void> {
  try {
    step(`make directory ${path}`);
    const parent = await directories.get(parentOf(path));
    if (parent === null) throw new FlotillaError('NotWritable', `${tenantDir}/${parentOf(path)} has disappeared`);
    await mkdir(within(parent, nameOf(path))).catch((error: unknown) => {
      if (errnoOf(error) !== 'EEXIST') throw error;
    });
    const handle = await directories.get(path);
    if (handle === null) throw new FlotillaError('NotWritable', `${tenantDir}/${path} has disappeared`);
    step(`set the mode of directory ${path}`);
    if (process.getuid?.() === 0) await giveTo(handle, await parent.stat());
    await handle.chmod(0o755);
  } catch (error) {
    throw toHostError(error, `make the directory ${path} in ${tenantDir}`);
  }
}

async function putInPlace(walk: Walk, write: JournalWrite, parent: FileHandle | null): Promise<void> {
  const staged = stagedPath(walk.tenantDir, write.number);
  // Renamed before the interruption.
  if ((await lstatOrNull(staged)) === null) return;
  if (parent === null) throw new FlotillaError('NotWritable', `the directory of ${write.path} has disappeared`);
  const target = within(parent, nameOf(write.path));
  if (write.createOnly) return linkNew(staged, target);
  const there = await lstatOrNull(target);
  if (there) requireRegular(there, walk.tenantDir, write.path);
  if (write.inPlace && there) return overwrite(walk, write.path, staged, target, write.mode);
  await rename(staged, target);
}

/** The staged name stays until the end, so that going back can tell our file from one that was there. */
async function linkNew(staged: string, target: string): Promise<void> {
  try {
    await link(staged, target);
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    if (errno === 'EEXIST') return;
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP'].includes(errno)) throw error;
    // A file system without hard links.
    if ((await lstatOrNull(target)) === null) await rename(staged, target);
  }
}

/** Keeps the inode, so that a container that mounts this one file sees the new bytes. */
async function overwrite({ step }: Walk, path: string, from: string, target: string, mode: number): Promise<void> {
  const content = await readFile(from);
  const handle = await open(target, constants.O_WRONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    for (let offset = 0; offset < content.length; ) {
      if (offset > 0) step(`write ${path} from byte ${offset}`);
      const { bytesWritten } = await handle.write(content, offset, Math.min(CHUNK, content.length - offset), offset);
      offset += bytesWritten;
    }
    step(`truncate ${path}`);
    await handle.truncate(content.length);
    if (((await handle.stat()).mode & 0o7777) !== mode) await handle.chmod(mode);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function takeAway({ tenantDir }: Walk, remove: JournalRemove, parent: FileHandle | null): Promise<void> {
  if (parent === null || (await hashPath(tenantDir, remove.path)) !== remove.sha256) return;
  await unlink(within(parent, nameOf(remove.path)));
}

async function bringBack({ tenantDir }: Walk, remove: JournalRemove, parent: FileHandle | null): Promise<void> {
  const backup = backupPath(tenantDir, remove.number);
  if (parent === null || (await lstatOrNull(backup)) === null) return;
  const target = within(parent, nameOf(remove.path));
  if ((await lstatOrNull(target)) === null) await rename(backup, target);
}

async function takeBack(walk: Walk, write: JournalWrite, parent: FileHandle | null): Promise<void> {
  if (parent === null) return;
  const target = within(parent, nameOf(write.path));
  const there = await lstatOrNull(target);
  if (!write.existed) {
    if (there && (await isOurs(walk.tenantDir, write, there))) await unlink(target);
    return;
  }
  const backup = backupPath(walk.tenantDir, write.number);
  const old = await lstatOrNull(backup);
  if (old === null || there?.ino === old.ino) return;
  if (write.inPlace && there) return overwrite(walk, write.path, backup, target, old.mode & 0o7777);
  await rename(backup, target);
}

/** Whether a file where there was none is the one that going forward put there. */
async function isOurs(tenantDir: string, write: JournalWrite, there: Stats): Promise<boolean> {
  const staged = await lstatOrNull(stagedPath(tenantDir, write.number));
  if (staged) return staged.ino === there.ino;
  return there.isFile() && (await hashPath(tenantDir, write.path)) === write.sha256;
}

async function inParent(
  { tenantDir, directories, step }: Walk,
  path: string,
  verb: 'write' | 'remove' | 'restore',
  work: (parent: FileHandle | null) => Promise<void>,
): Promise<void> {
  try {
    step(`${verb} ${path}`);
    await work(await directories.get(parentOf(path)));
  } catch (error) {
    throw toHostError(error, `${verb} ${path} in ${tenantDir}`);
  }
}

/** Makes the names in all directories that were worked in durable. */
async function syncAll({ tenantDir, directories, step }: Walk): Promise<void> {
  for (const [path, handle] of directories.opened()) {
    try {
      step(`sync directory ${path || '.'}`);
      await handle.sync();
    } catch (error) {
      throw toHostError(error, `sync ${path || '.'} in ${tenantDir}`);
    }
  }
}

async function lstatOrNull(path: string): Promise<Stats | null> {
  try {
    return await lstat(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}
