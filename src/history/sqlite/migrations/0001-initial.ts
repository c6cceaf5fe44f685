import type { Kysely, Migration } from 'kysely';

/** Never change a migration that was released: add another. */
export const initial: Migration = { up };

async function up(db: Kysely<unknown>): Promise<void> {
  await createUpgrades(db);
  await createDecisions(db);
  await createStatuses(db);
  await createAccepted(db);
}

async function createUpgrades({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createTable('upgrades')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('slug', 'text', (column) => column.notNull())
    .addColumn('result', 'text', (column) => column.notNull())
    .addColumn('started_at', 'text', (column) => column.notNull())
    .addColumn('body', 'text', (column) => column.notNull())
    .execute();
  await schema.createIndex('upgrades_by_slug').on('upgrades').columns(['slug', 'started_at', 'id']).execute();
  await schema.createIndex('upgrades_by_start').on('upgrades').columns(['started_at', 'id']).execute();
  await schema.createIndex('upgrades_by_result').on('upgrades').columns(['result']).execute();
}

async function createDecisions({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createTable('decisions')
    // A number that was given once is never given again, so that a reader can go on after the last one that it saw.
    .addColumn('sequence', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('at', 'text', (column) => column.notNull())
    .addColumn('slug', 'text')
    .addColumn('host', 'text')
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('reason', 'text', (column) => column.notNull())
    .addColumn('message', 'text', (column) => column.notNull())
    .addColumn('revision', 'text')
    .execute();
  await schema.createIndex('decisions_by_slug').on('decisions').columns(['slug', 'sequence']).execute();
  await schema.createIndex('decisions_by_time').on('decisions').columns(['at']).execute();
}

async function createStatuses({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createTable('instance_statuses')
    .addColumn('slug', 'text', (column) => column.primaryKey().notNull())
    .addColumn('updated_at', 'text', (column) => column.notNull())
    .addColumn('body', 'text', (column) => column.notNull())
    .execute();
}

async function createAccepted({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createTable('accepted_revisions')
    .addColumn('sequence', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('revision', 'text', (column) => column.notNull())
    .addColumn('author', 'text')
    .addColumn('at', 'text', (column) => column.notNull())
    .addColumn('instances', 'integer', (column) => column.notNull())
    .addColumn('problems', 'integer', (column) => column.notNull())
    .execute();
  await schema.createIndex('accepted_by_revision').on('accepted_revisions').columns(['revision', 'sequence']).execute();
}
