import { closeSync, constants, fstatSync, ftruncateSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FlotillaError } from '../errors.js';
import { flock } from '../flock.js';

const LOCK_FILE = 'lock';

/** Whoever only looks whether somebody has the lock has it for a moment: then it is free again by the next attempt. */
const ATTEMPTS = 10;
const PAUSE_MS = 50;

/** Takes the lock as good as without waiting and gives what releases it. @throws StateLocked; what the file system throws */
export async function lockState(path: string): Promise<() => void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await lockOnce(path);
    } catch (error) {
      if (attempt === ATTEMPTS || (error as FlotillaError).code !== 'StateLocked') throw error;
    }
    await sleep(PAUSE_MS);
  }
}

/** Whether a daemon has the state directory now; null where that cannot be told, as it is somebody else's. */
export async function isStateInUse(path: string): Promise<boolean | null> {
  let fd: number;
  try {
    fd = openSync(join(path, LOCK_FILE), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? false : null;
  }
  try {
    return !(await flock(fd, 'shared'));
  } catch {
    return null;
  } finally {
    closeSync(fd);
  }
}

async function lockOnce(path: string): Promise<() => void> {
  const file = join(path, LOCK_FILE);
  const fd = openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o600);
  try {
    // Whoever removed the file meanwhile left us with the lock on one that nobody else will find.
    const ours = (await flock(fd)) && statSync(file, { throwIfNoEntry: false })?.ino === fstatSync(fd).ino;
    if (!ours) throw lockedBy(path, readHolder(file));
    writeHolder(fd);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return releaseOnce(fd);
}

function releaseOnce(fd: number): () => void {
  let held = true;
  return () => {
    if (!held) return;
    held = false;
    try {
      ftruncateSync(fd, 0);
    } finally {
      closeSync(fd);
    }
  };
}

/** For people; a full disk must not keep the daemon from its lock. */
function writeHolder(fd: number): void {
  ftruncateSync(fd, 0);
  try {
    writeSync(fd, `${process.pid}\n`, 0);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error;
  }
}

/** The pid that the holder wrote, null where it is not known or is that of a process that has ended. */
function readHolder(file: string): number | null {
  try {
    const pid = Number(readFileSync(file, 'utf8').trim());
    if (!Number.isInteger(pid) || pid <= 0) return null;
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    // EPERM: it is there and another user's.
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? Number(readFileSync(file, 'utf8').trim()) : null;
  }
}

function lockedBy(path: string, pid: number | null): FlotillaError {
  const who = pid === null ? 'another process' : `another process (pid ${pid})`;
  return new FlotillaError('StateLocked', `the state directory ${path} is in use by ${who}`, {
    hint: 'only one flotilla watch can use it: end that one first, or name another directory with --state',
  });
}
