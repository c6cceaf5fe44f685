import { lstatSync } from 'node:fs';
import type { LockHolder } from '../../plan/observed.js';
import { readStateFile, statePath } from '../files/fs-atomic.js';
import {
  describeProcess,
  deviceName,
  findOpeners,
  firstChild,
  hasOpen,
  type KernelLock,
  kernelListsEveryLock,
  readKernelLocks,
} from './proc-locks.js';

export const LOCK_FILE = 'lock';

/** Who holds the instance's lock now, null when nobody does. Looks without taking it, so it never disturbs an upgrade. */
export function readLockHolder(tenantDir: string): LockHolder | null {
  return readLockHolders([{ tenantDir }])[0] ?? null;
}

export interface LockPlace {
  tenantDir: string;
  /** Of the lock file, where the caller knows it: as `lockInode` gives it. */
  inode?: string | null | undefined;
}

/** The same for many instances, in their order; the kernel's table is read once, and no file that it does not list is looked at. */
export function readLockHolders(places: readonly LockPlace[]): (LockHolder | null)[] {
  const locks = readKernelLocks();
  const complete = kernelListsEveryLock();
  if (complete && locks.size === 0) return places.map(() => null);
  return places.map(({ tenantDir, inode }) => {
    const free = complete && inode !== undefined && (inode === null || !locks.has(inode));
    return free ? null : holderOf(tenantDir, locks, complete);
  });
}

/** The number of the lock file's inode; null when there is none. It stays the same for as long as nobody adds, removes or renames in `.flotilla`. */
export function lockInode(tenantDir: string): string | null {
  const file = lstatSync(statePath(tenantDir, LOCK_FILE), { bigint: true, throwIfNoEntry: false });
  return file ? String(file.ino) : null;
}

function holderOf(tenantDir: string, locks: Map<string, KernelLock[]>, complete: boolean): LockHolder | null {
  const file = lstatSync(statePath(tenantDir, LOCK_FILE), { bigint: true, throwIfNoEntry: false });
  if (!file?.isFile()) return null;
  const sameInode = locks.get(String(file.ino)) ?? [];
  const exact = sameInode.find((lock) => lock.device === deviceName(file.dev));
  if (exact) return describeHolder(tenantDir, exact.pid, file);
  if (sameInode.length > 0) {
    // Perhaps ours on a file system whose device has two names, perhaps another file with the same number.
    const opener = sameInode.find((lock) => hasOpen(lock.pid, file) === true);
    if (opener) return describeHolder(tenantDir, opener.pid, file);
  } else if (complete || file.size === 0n) {
    return null;
  }
  // The kernel does not tell: it is held as long as somebody has it open. Only after a holder wrote its name.
  return readNote(tenantDir) !== null && openersOf(tenantDir, file).length > 0
    ? describeHolder(tenantDir, 0, file)
    : null;
}

/** @param lockPid of the kernel's table: for our own locks the `flock` command, which has ended */
function describeHolder(tenantDir: string, lockPid: number, file: { dev: bigint; ino: bigint }): LockHolder {
  const note = readNote(tenantDir);
  if (note !== null && hasOpen(note.pid, file) !== false) return note;
  if (lockPid > 0 && hasOpen(lockPid, file) !== false) {
    const child = describeProcess(lockPid) === 'flock' ? firstChild(lockPid) : 0;
    return { pid: child || lockPid, command: describeProcess(child || lockPid), since: '' };
  }
  // Whoever took it has ended; a process that it started still has it, for as long as that runs.
  const pid = findOpeners(file)[0] ?? 0;
  return { pid, command: pid === 0 ? 'another process' : describeProcess(pid), since: note?.since ?? '' };
}

function openersOf(tenantDir: string, file: { dev: bigint; ino: bigint }): number[] {
  const note = readNote(tenantDir);
  return note !== null && hasOpen(note.pid, file) === true ? [note.pid] : findOpeners(file);
}

/** What the holder wrote into the file, when it reads as that. */
function readNote(tenantDir: string): LockHolder | null {
  try {
    const note = JSON.parse(readStateFile(tenantDir, LOCK_FILE) ?? '') as LockHolder;
    const { pid, command, since } = note;
    return Number.isInteger(pid) && pid > 0 && typeof command === 'string' && typeof since === 'string'
      ? { pid, command, since }
      : null;
  } catch {
    return null;
  }
}
