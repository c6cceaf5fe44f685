import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HistoryStore, StoredDecision, Upgrade } from '../../src/history/history-store.js';
import type { Condition, InstanceStatus } from '../../src/history/instance-status.js';
import { openSqliteStore } from '../../src/history/sqlite/open-sqlite-store.js';
import { HISTORY_FILE } from '../../src/state/state-directory.js';

/** What a daemon remembers, read beside it, as `flotilla get` and `flotilla history` do. */
export interface WatchState {
  /** The revision in force. */
  revision(): Promise<string>;
  wasAccepted(revision: string): Promise<boolean>;
  status(slug: string): Promise<InstanceStatus | undefined>;
  /** Newest first. */
  upgrades(slug: string): Promise<Upgrade[]>;
  /** Oldest first; of all instances and the source where no slug is given. */
  decisions(slug?: string): Promise<StoredDecision[]>;
  /** Until its status is as `holds` wants it; gives that status. */
  untilStatus(
    slug: string,
    what: string,
    holds: (status: InstanceStatus) => boolean | undefined,
  ): Promise<InstanceStatus>;
  /** Until it is ready with this tag, and nothing else is desired of it. */
  untilReady(slug: string, imageTag: string): Promise<InstanceStatus>;
  /** Until such a decision was taken; gives the last of them. `after`: a sequence, of which earlier ones do not count. */
  untilDecision(reason: string, about: { slug?: string; after?: number }): Promise<StoredDecision>;
}

/** CI may be several times slower than a developer's machine. */
const PATIENCE_MS = 150_000;
const POLL_MS = 100;
const MANY = 10_000;

/**
 * Looks until there is something to see, and gives that.
 *
 * @param explain what to say besides when it never comes
 */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  explain: () => string = () => '',
): Promise<Exclude<T, null | undefined | false>> {
  const ends = Date.now() + PATIENCE_MS;
  for (;;) {
    const seen = await look();
    if (seen !== null && seen !== undefined && seen !== false) return seen as Exclude<T, null | undefined | false>;
    if (Date.now() > ends) throw new Error(`it never came to be: ${what}\n${explain()}`);
    await sleep(POLL_MS);
  }
}

export function conditionOf(status: InstanceStatus | undefined, type: Condition['type']): Condition | undefined {
  return status?.conditions.find((each) => each.type === type);
}

/** @param directory the daemon's state directory */
export function createWatchState(directory: string, explain: () => string): WatchState {
  async function read<T>(query: (store: HistoryStore) => Promise<T>): Promise<T> {
    const store = await openSqliteStore(join(directory, HISTORY_FILE), { readonly: true });
    try {
      return await query(store);
    } finally {
      await store.close();
    }
  }
  const say = async (slug: string) => JSON.stringify(await state.status(slug), null, 2);
  const state: WatchState = {
    async revision() {
      const accepted = await read((store) => store.accepted());
      if (accepted === null) throw new Error('the daemon has not accepted any revision');
      return accepted.revision;
    },
    wasAccepted: async (revision) => (await read((store) => store.accepted({ revision }))) !== null,
    status: async (slug) => (await read((store) => store.statuses({ slugs: [slug] })))[0],
    upgrades: (slug) => read((store) => store.upgrades({ slug, limit: MANY })),
    decisions: (slug) => read((store) => store.decisions({ ...(slug !== undefined && { slug }), limit: MANY })),
    async untilStatus(slug, what, holds) {
      let last = '';
      return until(
        `${slug} ${what}`,
        async () => {
          const status = await state.status(slug);
          if (status && holds(status)) return status;
          last = await say(slug);
          return null;
        },
        () => `${last}\n${explain()}`,
      );
    },
    untilReady: (slug, imageTag) =>
      state.untilStatus(slug, `is ready with ${imageTag}`, (status) => isReady(status, imageTag)),
    untilDecision: (reason, { slug, after = 0 }) =>
      until(
        `the daemon says ${reason}`,
        async () =>
          (await state.decisions(slug)).findLast((each) => each.reason === reason && each.sequence > after) ?? null,
        explain,
      ),
  };
  return state;
}

function isReady(status: InstanceStatus, imageTag: string): boolean {
  return (
    status.imageTag === imageTag &&
    status.appliedImageTag === imageTag &&
    status.appliedRevision === status.desiredRevision &&
    conditionOf(status, 'Ready')?.status === 'True'
  );
}
