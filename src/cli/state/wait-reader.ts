import { FlotillaError } from '../../errors.js';
import type { HistoryStore } from '../../history/history-store.js';
import type { InstanceStatus } from '../../history/instance-status.js';
import { shortRevision } from '../short-revision.js';
import { openHistory } from './open-history.js';
import { wasAccepted } from './revision.js';

/** What the daemon says now, or in a sentence why it says nothing that counts. */
export type Reading = { statuses: ReadonlyMap<string, InstanceStatus> } | { nothing: string };

export interface WaitReader {
  read(): Promise<Reading>;
  close(): Promise<void>;
}

/**
 * Reads statuses that may count: once there is a history (a daemon that has only just started has none yet) and once the
 * revision is accepted.
 */
export function createWaitReader(state: string, slugs: readonly string[], revision: string | undefined): WaitReader {
  let store: HistoryStore | null = null;
  const close = async () => {
    const open = store;
    store = null;
    await open?.close();
  };
  return {
    async read() {
      try {
        store ??= await openHistory(state);
        return await readFrom(store, slugs, revision);
      } catch (error) {
        if (!(error instanceof FlotillaError && error.code === 'HistoryUnavailable')) throw error;
        await close().catch(() => undefined);
        return { nothing: error.message };
      }
    },
    close,
  };
}

async function readFrom(store: HistoryStore, slugs: readonly string[], revision: string | undefined): Promise<Reading> {
  // Accepted first: what is read after that is of this revision or of a later one.
  if (revision !== undefined && !(await wasAccepted(store, revision))) {
    const current = await store.accepted();
    const instead = current === null ? 'none is yet' : `in force is ${shortRevision(current.revision)}`;
    return { nothing: `the daemon has not accepted revision ${shortRevision(revision)}: ${instead}` };
  }
  const statuses = await store.statuses({ slugs });
  return { statuses: new Map(statuses.map((status) => [status.slug, status])) };
}
