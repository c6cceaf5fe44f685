import type { CompiledQuery, Kysely, Transaction } from 'kysely';
import type { HistoryBatch } from '../history-store.js';
import { acceptedRow, decisionRow, statusRow, upgradeRow } from './history-rows.js';
import type { HistoryTables } from './history-tables.js';

type Row = Record<string, unknown>;

/** Writes a batch as one transaction: a reader sees all of it or nothing. */
export async function writeBatch(db: Kysely<HistoryTables>, batch: HistoryBatch): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await runForEach(trx, batch.upgrades.map(upgradeRow), (row) => upsertUpgrade(trx, row));
    await runForEach(trx, batch.decisions.map(decisionRow), (row) => trx.insertInto('decisions').values(row));
    await runForEach(
      trx,
      batch.forgotten.map((slug) => ({ slug })),
      ({ slug }) => trx.deleteFrom('instance_statuses').where('slug', '=', slug),
    );
    await runForEach(trx, batch.statuses.map(statusRow), (row) => upsertStatus(trx, row));
    await runForEach(trx, batch.accepted.map(acceptedRow), (row) => trx.insertInto('accepted_revisions').values(row));
  });
}

/** Compiles the query of the first row and runs it with the values of each: compiling costs many times what running does. */
async function runForEach<R extends Row>(
  trx: Transaction<HistoryTables>,
  rows: readonly R[],
  queryOf: (row: R) => { compile(): CompiledQuery },
): Promise<void> {
  if (rows[0] === undefined) return;
  const compiled = queryOf(rows[0]).compile();
  for (const row of rows) await trx.executeQuery({ ...compiled, parameters: Object.values(row) });
}

function upsertUpgrade(trx: Transaction<HistoryTables>, row: ReturnType<typeof upgradeRow>) {
  return trx
    .insertInto('upgrades')
    .values(row)
    .onConflict((conflict) =>
      conflict.column('id').doUpdateSet((eb) => ({
        slug: eb.ref('excluded.slug'),
        result: eb.ref('excluded.result'),
        started_at: eb.ref('excluded.started_at'),
        body: eb.ref('excluded.body'),
      })),
    );
}

function upsertStatus(trx: Transaction<HistoryTables>, row: ReturnType<typeof statusRow>) {
  return trx
    .insertInto('instance_statuses')
    .values(row)
    .onConflict((conflict) =>
      conflict.column('slug').doUpdateSet((eb) => ({
        updated_at: eb.ref('excluded.updated_at'),
        body: eb.ref('excluded.body'),
      })),
    );
}
