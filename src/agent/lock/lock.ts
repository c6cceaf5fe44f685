import { closeSync, constants, fstatSync, ftruncateSync, lstatSync, openSync, writeSync } from 'node:fs';
import { FlotillaError } from '../../errors.js';
import { flock } from '../../flock.js';
import type { LockHolder } from '../../plan/observed.js';
import { ensureStateDirectory, statePath } from '../files/fs-atomic.js';
import { errnoOf, toHostError } from '../files/host-error.js';
import { LOCK_FILE, readLockHolder } from './lock-holder.js';

export { readLockHolder, readLockHolders } from './lock-holder.js';

export interface TenantLock {
  /** Give it to each compose child (in `stdio`): the lock then holds until the last of them has ended, whatever happens to us. */
  readonly fd: number;
  /** Closes our descriptor. May be called again. */
  release(): Promise<void>;
}

/**
 * Takes the instance's kernel lock (flock(2) on `.flotilla/lock`), which an operator's script can take too. It does not wait.
 * The instance directory must exist.
 * @throws Locked, naming the holder
 */
export async function acquireLock(tenantDir: string, owner: { command: string }): Promise<TenantLock> {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const fd = await openLockFile(tenantDir);
    try {
      if (!(await flock(fd))) throw lockedBy(tenantDir, readLockHolder(tenantDir));
      // Whoever removed `.flotilla` meanwhile left us with the lock on a file that nobody else will find.
      const now = lstatSync(statePath(tenantDir, LOCK_FILE), { bigint: true, throwIfNoEntry: false });
      if (now?.ino === fstatSync(fd, { bigint: true }).ino) return holdLock(fd, owner);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    closeSync(fd);
  }
  throw lockedBy(tenantDir, null);
}

function holdLock(fd: number, owner: { command: string }): TenantLock {
  const note: LockHolder = { pid: process.pid, command: owner.command, since: new Date().toISOString() };
  ftruncateSync(fd, 0);
  try {
    writeSync(fd, `${JSON.stringify(note)}\n`, 0);
  } catch (error) {
    // The note is for people; a full disk must not keep anybody from the lock.
    if (errnoOf(error) !== 'ENOSPC' && errnoOf(error) !== 'EDQUOT') throw error;
  }
  let open = true;
  return {
    fd,
    async release() {
      if (!open) return;
      open = false;
      try {
        ftruncateSync(fd, 0);
      } finally {
        closeSync(fd);
      }
    },
  };
}

async function openLockFile(tenantDir: string): Promise<number> {
  try {
    await ensureStateDirectory(tenantDir);
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    return openSync(statePath(tenantDir, LOCK_FILE), flags, 0o600);
  } catch (error) {
    throw toHostError(error, `open the lock of ${tenantDir}`);
  }
}

function lockedBy(tenantDir: string, holder: LockHolder | null): FlotillaError {
  const who = holder === null ? 'another process' : holder.command || 'another process';
  const details = [holder?.pid ? `pid ${holder.pid}` : '', holder?.since ? `since ${holder.since}` : ''].filter(
    Boolean,
  );
  const aside = details.length > 0 ? ` (${details.join(', ')})` : '';
  return new FlotillaError('Locked', `the instance in ${tenantDir} is locked by ${who}${aside}`, {
    hint: 'it is tried again by itself once that has ended',
  });
}
