import { closeSync, constants, fstatSync, ftruncateSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { FlotillaError } from '../errors.js';
import { flock } from '../flock.js';

const LOCK_FILE = 'lock';

/** Takes the lock without waiting and gives what releases it. @throws StateLocked; what the file system throws */
export async function lockState(path: string): Promise<() => void> {
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
