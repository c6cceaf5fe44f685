import type { Insertable, Selectable } from 'kysely';
import type { AcceptedRevision, Decision, StoredDecision, Upgrade } from '../history-store.js';
import type { InstanceStatus } from '../instance-status.js';
import type { HistoryTables } from './history-tables.js';

// Every row of a table has its columns in the same order: one statement is prepared for all of a batch.

export function upgradeRow(upgrade: Upgrade): Insertable<HistoryTables['upgrades']> {
  const { id, slug, result, startedAt } = upgrade;
  return { id, slug, result, started_at: startedAt, body: JSON.stringify(upgrade) };
}

export function statusRow(status: InstanceStatus): Insertable<HistoryTables['instance_statuses']> {
  return { slug: status.slug, updated_at: status.updatedAt, body: JSON.stringify(status) };
}

export function decisionRow(decision: Decision): Insertable<HistoryTables['decisions']> {
  const { at, slug, host, type, reason, message, revision } = decision;
  return { at, slug, host, type, reason, message, revision };
}

export function acceptedRow(accepted: AcceptedRevision): Insertable<HistoryTables['accepted_revisions']> {
  const { revision, author, at, instances, problems } = accepted;
  return { revision, author, at, instances, problems };
}

export function parseUpgrade({ body }: { body: string }): Upgrade {
  return JSON.parse(body) as Upgrade;
}

export function parseStatus({ body }: { body: string }): InstanceStatus {
  const status = JSON.parse(body) as InstanceStatus | AuthorlessStatus;
  return { ...status, desiredAuthor: 'desiredAuthor' in status ? status.desiredAuthor : null };
}

/** As it was written before there was that field. */
type AuthorlessStatus = Omit<InstanceStatus, 'desiredAuthor'>;

export function parseDecision(row: Selectable<HistoryTables['decisions']>): StoredDecision {
  const { sequence, at, slug, host, type, reason, message, revision } = row;
  return { sequence, at, slug, host, type: type as Decision['type'], reason, message, revision };
}

export function parseAccepted(row: Selectable<HistoryTables['accepted_revisions']>): AcceptedRevision {
  const { revision, author, at, instances, problems } = row;
  return { revision, author, at, instances, problems };
}
