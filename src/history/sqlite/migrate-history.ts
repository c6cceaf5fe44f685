import { DEFAULT_MIGRATION_TABLE, type Kysely, type Migration, Migrator } from 'kysely';
import { FlotillaError } from '../../errors.js';
import type { HistoryTables } from './history-tables.js';
import { initial } from './migrations/0001-initial.js';

/** By number, in order. */
const MIGRATIONS: Record<string, Migration> = { '0001-initial': initial };

/**
 * Brings the tables to what this version knows: each step as a whole or not at all, whenever the process is killed.
 * @throws HistoryUnavailable when a newer version has written them; they are left as they are
 */
export async function migrateHistory(db: Kysely<HistoryTables>): Promise<void> {
  refuseNewer(await appliedMigrations(db));
  const migrator = new Migrator({ db, provider: { getMigrations: async () => MIGRATIONS } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}

/** For a reader, who changes nothing. @throws HistoryUnavailable when the tables are newer or older than this version's */
export async function requireMigrated(db: Kysely<HistoryTables>): Promise<void> {
  const applied = await appliedMigrations(db);
  refuseNewer(applied);
  if (Object.keys(MIGRATIONS).every((name) => applied.includes(name))) return;
  throw new FlotillaError('HistoryUnavailable', 'the history is empty or was written by an older flotilla', {
    hint: 'it is brought up to date when flotilla watch of this version starts',
  });
}

async function appliedMigrations(db: Kysely<HistoryTables>): Promise<string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some(({ name }) => name === DEFAULT_MIGRATION_TABLE)) return [];
  const rows = await db
    .withTables<{ [DEFAULT_MIGRATION_TABLE]: { name: string } }>()
    .selectFrom(DEFAULT_MIGRATION_TABLE)
    .select('name')
    .execute();
  return rows.map(({ name }) => name);
}

function refuseNewer(applied: readonly string[]): void {
  if (applied.every((name) => name in MIGRATIONS)) return;
  throw new FlotillaError('HistoryUnavailable', 'the history was written by a newer flotilla than this one', {
    hint: 'use that version or a later one, or name another state directory with --state',
  });
}
