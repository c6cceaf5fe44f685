import { chmodSync, closeSync, existsSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import type Libsql from 'libsql';
import { FlotillaError } from '../../errors.js';
import type { HistoryStore } from '../history-store.js';
import { toHistoryError } from './history-error.js';

/**
 * Opens the history in a file of SQLite, by its absolute path, and makes it (0600, its directory 0700) where there is none.
 * `readonly` is for the command line beside a daemon or without one: it makes and changes nothing.
 *
 * Every commit is on the disk when it returns (WAL with synchronous=FULL). Only one process may write: see the state's lock.
 *
 * @throws HistoryUnavailable: no such file (readonly), not a database, damaged, a newer version's, no permission
 */
export async function openSqliteStore(file: string, options: { readonly?: boolean } = {}): Promise<HistoryStore> {
  const readonly = options.readonly ?? false;
  const translate = (error: unknown): FlotillaError => toHistoryError(error, file);
  let connection: Libsql.Database | undefined;
  try {
    if (readonly) requireFile(file);
    else makeFile(file);
    // Loaded here, since most commands do without.
    const [{ default: Database }, { createLibsqlDatabase }, { createSqliteStore }] = await Promise.all([
      import('libsql'),
      import('./libsql-database.js'),
      import('./sqlite-store.js'),
    ]);
    connection = new Database(`${pathToFileURL(file).href}?mode=${readonly ? 'ro' : 'rw'}`);
    configure(connection, readonly);
    return await createSqliteStore(createLibsqlDatabase(connection, translate), { readonly, translate });
  } catch (error) {
    connection?.close();
    throw translate(error);
  }
}

function requireFile(file: string): void {
  if (existsSync(file)) return;
  throw new FlotillaError('HistoryUnavailable', `there is no history in ${file}`, {
    hint: "is the daemon's state elsewhere? name it with --state",
  });
}

/** SQLite would make it readable by everybody; the files that it adds beside it (-wal, -shm) have the mode of this one. */
function makeFile(file: string): void {
  // A file that is there is never opened here: to close it again would drop the locks of another connection of this process.
  const there = statSync(file, { throwIfNoEntry: false });
  if (there?.isFile()) chmodSync(file, 0o600);
  if (there) return;
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  closeSync(openSync(file, 'wx', 0o600));
  const directory = openSync(dirname(file), 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

function configure(connection: Libsql.Database, readonly: boolean): void {
  connection.exec('pragma busy_timeout = 5000');
  if (readonly) return;
  connection.exec('pragma journal_mode = wal');
  connection.exec('pragma synchronous = full');
  connection.exec('pragma foreign_keys = on');
}
