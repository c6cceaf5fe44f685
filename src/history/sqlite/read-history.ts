import type { Kysely } from 'kysely';
import type { AcceptedRevision, HistoryStore, StoredDecision, Upgrade } from '../history-store.js';
import type { InstanceStatus } from '../instance-status.js';
import { parseAccepted, parseDecision, parseStatus, parseUpgrade } from './history-rows.js';
import type { HistoryTables } from './history-tables.js';

type Query<M extends 'statuses' | 'upgrades' | 'decisions' | 'accepted'> = NonNullable<Parameters<HistoryStore[M]>[0]>;

/** More slugs than this are picked from all, rather than named in the query: databases limit its parameters. */
const MAX_NAMED = 500;

export async function readStatuses(
  db: Kysely<HistoryTables>,
  { slugs }: Query<'statuses'> = {},
): Promise<InstanceStatus[]> {
  if (slugs?.length === 0) return [];
  let query = db.selectFrom('instance_statuses').select(['slug', 'body']).orderBy('slug');
  if (slugs !== undefined && slugs.length <= MAX_NAMED) query = query.where('slug', 'in', slugs);
  const rows = await query.execute();
  const wanted = slugs && new Set(slugs);
  return rows.filter(({ slug }) => wanted === undefined || wanted.has(slug)).map(parseStatus);
}

export async function readUpgrades(db: Kysely<HistoryTables>, { slug, limit }: Query<'upgrades'>): Promise<Upgrade[]> {
  let query = db.selectFrom('upgrades').select('body').orderBy('started_at', 'desc').orderBy('id', 'desc');
  if (slug !== undefined) query = query.where('slug', '=', slug);
  return (await query.limit(limit).execute()).map(parseUpgrade);
}

export async function readRunning(db: Kysely<HistoryTables>): Promise<Upgrade[]> {
  const query = db.selectFrom('upgrades').select('body').where('result', '=', 'running');
  return (await query.orderBy('started_at').orderBy('id').execute()).map(parseUpgrade);
}

export async function readDecisions(
  db: Kysely<HistoryTables>,
  { slug, after, limit }: Query<'decisions'>,
): Promise<StoredDecision[]> {
  let query = db.selectFrom('decisions').selectAll().orderBy('sequence', 'desc');
  if (slug !== undefined) query = query.where('slug', '=', slug);
  if (after !== undefined) query = query.where('sequence', '>', after);
  return (await query.limit(limit).execute()).map(parseDecision).reverse();
}

export async function readAccepted(
  db: Kysely<HistoryTables>,
  { revision }: Query<'accepted'> = {},
): Promise<AcceptedRevision | null> {
  let query = db.selectFrom('accepted_revisions').selectAll().orderBy('sequence', 'desc');
  if (revision !== undefined)
    query = query.where('revision', '>=', revision).where('revision', '<', `${revision}\uffff`);
  const row = await query.limit(1).executeTakeFirst();
  return row === undefined ? null : parseAccepted(row);
}
