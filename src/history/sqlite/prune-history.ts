import { setImmediate } from 'node:timers/promises';
import type { Kysely } from 'kysely';
import type { HistoryTables } from './history-tables.js';

/** Rows that go at once: others have their turn in between. */
const CHUNK = 1000;

/**
 * Removes decisions and upgrades from before. What still runs stays, and so does the newest upgrade of each instance
 * that there is, and the revision in force. Gives how many rows went.
 */
export async function pruneHistory(db: Kysely<HistoryTables>, before: Date): Promise<number> {
  const time = before.toISOString();
  let removed = 0;
  for (const prune of [pruneUpgrades, pruneDecisions, pruneAccepted])
    removed += await untilNoneLeft(() => prune(db, time));
  return removed;
}

async function untilNoneLeft(removeSome: () => Promise<number>): Promise<number> {
  let total = 0;
  for (;;) {
    const removed = await removeSome();
    total += removed;
    if (removed < CHUNK) return total;
    await setImmediate();
  }
}

async function pruneUpgrades(db: Kysely<HistoryTables>, before: string): Promise<number> {
  const outdated = db
    .selectFrom('upgrades as old')
    .select('old.id')
    .where('old.started_at', '<', before)
    .where('old.result', '<>', 'running')
    .where(({ not, or, exists, selectFrom }) =>
      or([
        not(
          exists(selectFrom('instance_statuses as known').select('known.slug').whereRef('known.slug', '=', 'old.slug')),
        ),
        exists(
          selectFrom('upgrades as newer')
            .select('newer.id')
            .whereRef('newer.slug', '=', 'old.slug')
            .where(({ or: either, and, eb }) =>
              either([
                eb('newer.started_at', '>', eb.ref('old.started_at')),
                and([eb('newer.started_at', '=', eb.ref('old.started_at')), eb('newer.id', '>', eb.ref('old.id'))]),
              ]),
            ),
        ),
      ]),
    )
    .limit(CHUNK);
  const { numDeletedRows } = await db.deleteFrom('upgrades').where('id', 'in', outdated).executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}

async function pruneDecisions(db: Kysely<HistoryTables>, before: string): Promise<number> {
  const outdated = db.selectFrom('decisions').select('sequence').where('at', '<', before).limit(CHUNK);
  const { numDeletedRows } = await db
    .deleteFrom('decisions')
    .where('sequence', 'in', outdated)
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}

/** But for the one in force. */
async function pruneAccepted(db: Kysely<HistoryTables>, before: string): Promise<number> {
  const outdated = db
    .selectFrom('accepted_revisions')
    .select('sequence')
    .where('at', '<', before)
    .where('sequence', '<', ({ selectFrom }) =>
      selectFrom('accepted_revisions as newest').select(({ fn }) => fn.max('newest.sequence').as('sequence')),
    )
    .limit(CHUNK);
  const { numDeletedRows } = await db
    .deleteFrom('accepted_revisions')
    .where('sequence', 'in', outdated)
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}
