import type { Generated } from 'kysely';

/**
 * The tables as Kysely sees them. `body` is the whole row of the port as JSON, so that the port can grow without a migration;
 * the columns beside it are what is searched and sorted by. Times are ISO 8601 in UTC, which sort as text.
 */
export interface HistoryTables {
  upgrades: { id: string; slug: string; result: string; started_at: string; body: string };
  decisions: {
    sequence: Generated<number>;
    at: string;
    slug: string | null;
    host: string | null;
    type: string;
    reason: string;
    message: string;
    revision: string | null;
  };
  instance_statuses: { slug: string; updated_at: string; body: string };
  accepted_revisions: {
    sequence: Generated<number>;
    revision: string;
    author: string | null;
    at: string;
    instances: number;
    problems: number;
  };
}
