import { type DialectAdapter, Kysely, SqliteAdapter, type SqliteDatabase, SqliteDialect } from 'kysely';
import { FlotillaError } from '../../errors.js';
import type { HistoryStore } from '../history-store.js';
import type { HistoryTables } from './history-tables.js';
import { migrateHistory, requireMigrated } from './migrate-history.js';
import { pruneHistory } from './prune-history.js';
import { readAccepted, readDecisions, readRunning, readStatuses, readUpgrades } from './read-history.js';
import { writeBatch } from './write-batch.js';

/** The store on an open connection, its tables brought up to date (or, for a reader, only looked at). */
export async function createSqliteStore(
  database: SqliteDatabase,
  { readonly, translate }: { readonly: boolean; translate: (error: unknown) => FlotillaError },
): Promise<HistoryStore> {
  const db = new Kysely<HistoryTables>({ dialect: new Dialect({ database }) });
  await (readonly ? requireMigrated(db) : migrateHistory(db));
  let ownWrites = 0;
  const translated = <T>(work: Promise<T>): Promise<T> =>
    work.catch((error: unknown) => {
      throw translate(error);
    });
  return {
    async write(batch) {
      await translated(writeBatch(db, batch));
      ownWrites += 1;
    },
    statuses: (query) => translated(readStatuses(db, query)),
    upgrades: (query) => translated(readUpgrades(db, query)),
    decisions: (query) => translated(readDecisions(db, query)),
    accepted: (query) => translated(readAccepted(db, query)),
    running: () => translated(readRunning(db)),
    // Neither number ever falls: data_version counts what other connections write.
    version: async () => dataVersion(database) + ownWrites,
    async prune(before) {
      const removed = await translated(pruneHistory(db, before));
      ownWrites += 1;
      return removed;
    },
    async close() {
      if (!readonly) checkpoint(database);
      await db.destroy();
      database.close();
    },
  };
}

/** SQLite can undo changes of tables; Kysely says no on its behalf, and a kill would leave a migration half done. */
class Dialect extends SqliteDialect {
  override createAdapter(): DialectAdapter {
    return new (class extends SqliteAdapter {
      override get supportsTransactionalDdl(): boolean {
        return true;
      }
    })();
  }
}

function dataVersion(database: SqliteDatabase): number {
  const [row] = database.prepare('pragma data_version').all([]) as { data_version: number }[];
  return row?.data_version ?? 0;
}

/** Leaves a small file beside the database. It is only tidiness: all is on the disk already. */
function checkpoint(database: SqliteDatabase): void {
  try {
    database.prepare('pragma wal_checkpoint(truncate)').all([]);
  } catch (error) {
    if (!(error instanceof FlotillaError)) throw error;
  }
}
