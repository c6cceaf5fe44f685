import { mkdirSync, statSync } from 'node:fs';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FlotillaError } from '../errors.js';
import { toStateError } from './state-error.js';
import { lockState } from './state-lock.js';

export const HISTORY_FILE = 'history.db';
export const CONFIRM_FILE = 'confirmed';

/** A state directory that is this process's alone, and where things are in it. */
export interface StateDirectory {
  path: string;
  historyFile: string;
  /** For a clone of desired state; made by whoever needs it. */
  sourceDirectory: string;
  /** See `readConfirmed`. */
  confirmFile: string;
  /** Gives it up for the next daemon. May be called again. */
  close(): void;
}

/**
 * Opens the daemon's state directory (an absolute path) and makes it, with mode 0700, where there is none. It is this
 * process's alone until `close` or its end, however that comes: the lock is the kernel's.
 *
 * @throws FlotillaError StateLocked when another process has it, naming its pid where that is known; ConfigInvalid when others
 * may write there; NotWritable, DiskFull
 */
export async function openStateDirectory(path: string): Promise<StateDirectory> {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    requirePrivate(path);
    const close = await lockState(path);
    return {
      path,
      historyFile: join(path, HISTORY_FILE),
      sourceDirectory: join(path, 'source'),
      confirmFile: join(path, CONFIRM_FILE),
      close,
    };
  } catch (error) {
    throw toStateError(error, `use the state directory ${path}`);
  }
}

/**
 * The revision that a person has confirmed with `flotilla confirm`, though it removes most instances; null where there is none.
 * @param file `confirmFile` of the state directory
 * @throws FlotillaError NotWritable, ConfigInvalid
 */
export async function readConfirmed(file: string): Promise<string | null> {
  try {
    return (await readFile(file, 'utf8')).trim() || null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw toStateError(error, `read ${file}`);
  }
}

/**
 * Confirms a revision in place of the one before; durable when it resolves, and a reader sees either as a whole. The state
 * directory must be there.
 * @throws FlotillaError ConfigInvalid when there is no such directory, NotWritable, DiskFull
 */
export async function writeConfirmed(file: string, revision: string): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    await rm(temporary, { force: true });
    await writeDurably(temporary, `${revision}\n`);
    await rename(temporary, file);
    await syncDirectory(dirname(file));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw toStateError(error, `write ${file}`);
  }
}

function requirePrivate(path: string): void {
  if ((statSync(path).mode & 0o002) === 0) return;
  throw new FlotillaError('ConfigInvalid', `everybody may write to the state directory ${path}`, {
    hint: 'take that right away (chmod o-w), or name another directory with --state',
  });
}

async function writeDurably(path: string, text: string): Promise<void> {
  // Whoever confirms need not be the user that the daemon runs as; the directory keeps others out.
  const handle = await open(path, 'wx', 0o644);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
