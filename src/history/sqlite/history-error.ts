import { FlotillaError } from '../../errors.js';

/** Primary result codes of SQLite: https://www.sqlite.org/rescode.html */
const PERM = 3;
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const NOTADB = 26;

const RESULT_OF_ERRNO: Readonly<Record<string, number>> = {
  ENOSPC: FULL,
  EDQUOT: FULL,
  EROFS: READONLY,
  EACCES: PERM,
  EPERM: PERM,
  EIO: IOERR,
  ENOTDIR: CANTOPEN,
  EISDIR: CANTOPEN,
  ELOOP: CANTOPEN,
  ENOENT: CANTOPEN,
};

/** It has a part for each kind of processor and C library, of which npm installs the one that fits. */
const NOT_LOADED = new Set(['ERR_DLOPEN_FAILED', 'MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND']);
const INSTALL = 'install flotilla on this machine, with optional dependencies: npm install --global --include=optional';

/**
 * The one place where errors of the database and of its file are translated, always to HistoryUnavailable. `file` is named in
 * the message; what the database says is not. A FlotillaError passes through.
 */
export function toHistoryError(error: unknown, file: string): FlotillaError {
  if (error instanceof FlotillaError) return error;
  const { what, hint } = NOT_LOADED.has(String((error as { code?: unknown } | null | undefined)?.code))
    ? { what: 'the database engine (libsql) cannot be loaded on this machine', hint: INSTALL }
    : explain(resultOf(error));
  return new FlotillaError('HistoryUnavailable', `the history in ${file} cannot be used: ${what}`, {
    cause: error,
    ...(hint !== undefined && { hint }),
  });
}

function explain(result: number | undefined): { what: string; hint?: string } {
  switch (result) {
    case FULL:
      return {
        what: 'the disk is full',
        hint: 'free some space there: what waits to be written is tried again by itself',
      };
    case BUSY:
    case LOCKED:
      return {
        what: 'another process keeps it locked',
        hint: 'end what has the file open, such as a backup or sqlite3',
      };
    case CORRUPT:
      return { what: 'its content is damaged', hint: BROKEN };
    case NOTADB:
      return { what: 'it is not a database', hint: BROKEN };
    case READONLY:
      return {
        what: 'it is read-only',
        hint: 'check its owner and mode, and that its file system is mounted writable',
      };
    case PERM:
      return { what: 'permission denied', hint: 'run as the user that runs flotilla watch, or as root' };
    case IOERR:
      return { what: 'reading or writing the disk failed', hint: 'check the disk (dmesg) and the file system' };
    case CANTOPEN:
      return { what: 'the file cannot be opened', hint: 'check that it is a file, and its owner and mode' };
    default:
      return { what: result === undefined ? 'unexpected error' : `unexpected database error ${result}` };
  }
}

const BROKEN =
  'stop flotilla watch and move the file (with -wal and -shm) away, or put a backup there: a new history is begun, and the instances are not touched by that';

function resultOf(error: unknown): number | undefined {
  const { rawCode, code, message } = (error ?? {}) as { rawCode?: unknown; code?: unknown; message?: unknown };
  // The low byte is the primary code, the rest says more exactly what.
  if (typeof rawCode === 'number') return rawCode & 0xff;
  if (typeof code === 'string' && code in RESULT_OF_ERRNO) return RESULT_OF_ERRNO[code];
  // libsql does not classify what happens while it connects: `ConnectionFailed("Unable to open ...: 14")`.
  const found = /^ConnectionFailed\(.*: (\d+)"\)$/s.exec(String(message));
  return found ? Number(found[1]) & 0xff : undefined;
}
