import type {
  AcceptedRevision,
  HistoryBatch,
  HistoryStore,
  StoredDecision,
  Upgrade,
} from '../../src/history/history-store.js';
import type { InstanceStatus } from '../../src/history/instance-status.js';

/** A history that is gone when the test has ended. `failWith` makes every write fail until it is null again. */
export interface MemoryHistory extends HistoryStore {
  failWith: Error | null;
  /** Every batch that was written, in order. */
  readonly batches: HistoryBatch[];
}

export function createMemoryHistory(): MemoryHistory {
  const upgrades = new Map<string, Upgrade>();
  const statuses = new Map<string, InstanceStatus>();
  let decisions: StoredDecision[] = [];
  let accepted: AcceptedRevision[] = [];
  let sequence = 0;
  let version = 0;
  const newestFirst = (): Upgrade[] => [...upgrades.values()].sort((a, b) => compareUpgrades(b, a));

  const history: MemoryHistory = {
    failWith: null,
    batches: [],
    async write(batch) {
      if (history.failWith) throw history.failWith;
      const copy = structuredClone(batch);
      history.batches.push(copy);
      for (const upgrade of copy.upgrades) upgrades.set(upgrade.id, upgrade);
      for (const decision of copy.decisions) decisions.push({ sequence: ++sequence, ...decision });
      for (const slug of copy.forgotten) statuses.delete(slug);
      for (const status of copy.statuses) statuses.set(status.slug, status);
      accepted.push(...copy.accepted);
      version += 1;
    },
    statuses: async ({ slugs } = {}) =>
      structuredClone([...statuses.values()])
        .filter(({ slug }) => slugs?.includes(slug) ?? true)
        .sort((a, b) => (a.slug < b.slug ? -1 : 1)),
    upgrades: async ({ slug, limit }) =>
      structuredClone(newestFirst().filter((upgrade) => slug === undefined || upgrade.slug === slug)).slice(0, limit),
    decisions: async ({ slug, after = 0, limit }) =>
      structuredClone(decisions)
        .filter((decision) => decision.sequence > after && (slug === undefined || decision.slug === slug))
        .slice(limit === 0 ? Number.POSITIVE_INFINITY : -limit),
    accepted: async ({ revision } = {}) =>
      structuredClone(accepted.findLast((one) => revision === undefined || one.revision.startsWith(revision)) ?? null),
    version: async () => version,
    running: async () =>
      structuredClone(
        newestFirst()
          .filter(({ result }) => result === 'running')
          .reverse(),
      ),
    async prune(before) {
      const time = before.toISOString();
      const count = () => upgrades.size + decisions.length + accepted.length;
      const had = count();
      const newest = new Set<string>();
      for (const { id, slug, startedAt, result } of newestFirst()) {
        if ((newest.has(slug) || !statuses.has(slug)) && startedAt < time && result !== 'running') upgrades.delete(id);
        newest.add(slug);
      }
      decisions = decisions.filter(({ at }) => at >= time);
      accepted = accepted.filter(({ at }, i) => at >= time || i === accepted.length - 1);
      version += 1;
      return had - count();
    },
    close: async () => undefined,
  };
  return history;
}

function compareUpgrades(a: Upgrade, b: Upgrade): number {
  const [one, other] = [`${a.startedAt} ${a.id}`, `${b.startedAt} ${b.id}`];
  return one < other ? -1 : Number(one > other);
}
