import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AcceptedRevision, HistoryStore } from '../../src/history/history-store.js';
import { batchOf, decisionOf, statusOf, upgradeOf } from '../support/history-fixtures.js';

const at = (minute: number): string => new Date(Date.UTC(2025, 2, 1, 10, minute)).toISOString();
const accept = (part: Partial<AcceptedRevision>): AcceptedRevision => ({
  revision: 'r1',
  author: null,
  at: at(0),
  instances: 2,
  problems: 0,
  ...part,
});

/** What every HistoryStore does. `open` gives an empty one. */
export function historyStoreContract(name: string, open: () => Promise<HistoryStore>): void {
  describe(`${name} as a history`, () => {
    let store: HistoryStore;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store.close());

    it('is empty at first', async () => {
      expect(await store.statuses()).toEqual([]);
      expect(await store.upgrades({ limit: 10 })).toEqual([]);
      expect(await store.decisions({ limit: 10 })).toEqual([]);
      expect(await store.accepted()).toBeNull();
      expect(await store.running()).toEqual([]);
    });

    it('gives back whole rows, whatever is in them', async () => {
      const upgrade = upgradeOf({
        error: { code: 'UpFailed', message: 'it\'s "so"\n\u0001 ü', phase: 'up' },
        fleet: null,
      });
      const bare = upgradeOf({
        id: 'u2',
        slug: 'other',
        author: null,
        fromImageTag: null,
        finishedAt: null,
        plan: { files: [], containers: null, operations: [] },
        startedAt: at(-5),
      });
      const decision = decisionOf({ slug: null, host: null, type: 'Warning', message: "'); drop table upgrades; --" });
      const accepted = accept({ author: 'Zoë <z@example.org>', problems: 3 });
      await store.write(
        batchOf({
          upgrades: [upgrade, bare],
          decisions: [decision],
          statuses: [statusOf('acme')],
          accepted: [accepted],
        }),
      );
      expect(await store.upgrades({ limit: 10 })).toEqual([upgrade, bare]);
      expect(await store.decisions({ limit: 10 })).toEqual([{ ...decision, sequence: expect.any(Number) }]);
      expect(await store.statuses()).toEqual([statusOf('acme')]);
      expect(await store.accepted()).toEqual(accepted);
    });

    it('keeps one status of an instance, the last, sorted by slug, until it is forgotten', async () => {
      await store.write(batchOf({ statuses: [statusOf('b'), statusOf('c'), statusOf('a')] }));
      await store.write(batchOf({ statuses: [statusOf('b', { failures: 3 })], forgotten: ['c', 'unknown'] }));
      expect(await store.statuses()).toEqual([statusOf('a'), statusOf('b', { failures: 3 })]);
      expect(await store.statuses({ slugs: ['b', 'c'] })).toEqual([statusOf('b', { failures: 3 })]);
      expect(await store.statuses({ slugs: [] })).toEqual([]);
      const many = Array.from({ length: 2000 }, (_, index) => `tenant-${index}`);
      expect(await store.statuses({ slugs: [...many, 'a'] })).toEqual([statusOf('a')]);
    });

    it('replaces an upgrade that it knows, and keeps those of a forgotten instance', async () => {
      await store.write(batchOf({ upgrades: [upgradeOf({ result: 'running', finishedAt: null })] }));
      await store.write(batchOf({ upgrades: [upgradeOf({ result: 'failed' })], forgotten: ['acme'] }));
      expect(await store.upgrades({ slug: 'acme', limit: 10 })).toEqual([upgradeOf({ result: 'failed' })]);
    });

    it('lists upgrades newest first, of one instance or of all, up to the limit', async () => {
      const upgrades = [3, 1, 4, 2].map((minute) =>
        upgradeOf({ id: `u${minute}`, slug: minute % 2 ? 'odd' : 'even', startedAt: at(minute) }),
      );
      await store.write(batchOf({ upgrades }));
      const ids = async (query: { slug?: string; limit: number }): Promise<string[]> =>
        (await store.upgrades(query)).map(({ id }) => id);
      expect(await ids({ limit: 10 })).toEqual(['u4', 'u3', 'u2', 'u1']);
      expect(await ids({ limit: 2 })).toEqual(['u4', 'u3']);
      expect(await ids({ limit: 0 })).toEqual([]);
      expect(await ids({ slug: 'odd', limit: 10 })).toEqual(['u3', 'u1']);
      expect(await ids({ slug: 'odd', limit: 1 })).toEqual(['u3']);
    });

    it('gives the upgrades that still run', async () => {
      const running = upgradeOf({ id: 'u2', result: 'running', finishedAt: null });
      await store.write(batchOf({ upgrades: [upgradeOf(), running] }));
      expect(await store.running()).toEqual([running]);
      await store.write(batchOf({ upgrades: [{ ...running, result: 'interrupted' }] }));
      expect(await store.running()).toEqual([]);
    });

    it('gives the last decisions, oldest first, and those after one that was seen', async () => {
      const said = ['a', 'b', 'c', 'd'].map((message, index) =>
        decisionOf({ message, slug: index % 2 ? 'odd' : 'even', at: at(9 - index) }),
      );
      await store.write(batchOf({ decisions: said.slice(0, 2) }));
      await store.write(batchOf({ decisions: said.slice(2) }));
      const all = await store.decisions({ limit: 10 });
      expect(all.map(({ message }) => message)).toEqual(['a', 'b', 'c', 'd']);
      expect(all.map(({ sequence }) => sequence)).toEqual(all.map(({ sequence }) => sequence).sort((a, b) => a - b));
      expect(await store.decisions({ limit: 2 })).toEqual(all.slice(2));
      expect(await store.decisions({ limit: 10, after: all[0]!.sequence })).toEqual(all.slice(1));
      expect(await store.decisions({ limit: 1, after: all[0]!.sequence })).toEqual(all.slice(3));
      expect(await store.decisions({ limit: 10, after: all[3]!.sequence })).toEqual([]);
      expect(await store.decisions({ limit: 10, slug: 'odd' })).toEqual([all[1], all[3]]);
    });

    it('knows the revision in force, also when it is one from before', async () => {
      await store.write(batchOf({ accepted: [accept({ revision: 'r1', at: at(1) })] }));
      await store.write(batchOf({ accepted: [accept({ revision: 'r2', at: at(2) })] }));
      expect(await store.accepted()).toEqual(accept({ revision: 'r2', at: at(2) }));
      await store.write(batchOf({ accepted: [accept({ revision: 'r1', at: at(3) })] }));
      expect(await store.accepted()).toEqual(accept({ revision: 'r1', at: at(3) }));
      expect(await store.accepted({ revision: 'r2' })).toEqual(accept({ revision: 'r2', at: at(2) }));
      expect(await store.accepted({ revision: 'r' })).toEqual(accept({ revision: 'r1', at: at(3) }));
      expect(await store.accepted({ revision: '%' })).toBeNull();
      expect(await store.accepted({ revision: 'r3' })).toBeNull();
    });

    it('has another version after each write, and the same without one', async () => {
      const seen = [await store.version()];
      for (let minute = 0; minute < 3; minute += 1) {
        await store.write(batchOf({ statuses: [statusOf('acme', { updatedAt: at(minute) })] }));
        seen.push(await store.version());
      }
      expect(new Set(seen).size).toBe(4);
      await store.statuses();
      expect(await store.version()).toBe(seen[3]);
    });

    it('removes what is from before, but not the newest upgrade of an instance that there is, nor one that runs, nor the revision in force', async () => {
      await store.write(
        batchOf({
          upgrades: [
            upgradeOf({ id: 'a1', slug: 'a', startedAt: at(1) }),
            upgradeOf({ id: 'a2', slug: 'a', startedAt: at(2) }),
            upgradeOf({ id: 'a3', slug: 'a', startedAt: at(2) }),
            upgradeOf({ id: 'b1', slug: 'b', startedAt: at(1) }),
            upgradeOf({ id: 'b9', slug: 'b', startedAt: at(9) }),
            upgradeOf({ id: 'c1', slug: 'c', startedAt: at(1), result: 'running' }),
            upgradeOf({ id: 'c9', slug: 'c', startedAt: at(9) }),
          ],
          decisions: [decisionOf({ at: at(1) }), decisionOf({ at: at(5) }), decisionOf({ at: at(9) })],
          statuses: [statusOf('a', { updatedAt: at(1) })],
          accepted: [accept({ revision: 'r1', at: at(1) }), accept({ revision: 'r2', at: at(2) })],
        }),
      );
      await store.write(batchOf({ upgrades: [upgradeOf({ id: 'd1', slug: 'gone', startedAt: at(1) })] }));
      expect(await store.prune(new Date(at(5)))).toBe(6);
      expect((await store.upgrades({ limit: 10 })).map(({ id }) => id)).toEqual(['c9', 'b9', 'a3', 'c1']);
      expect((await store.decisions({ limit: 10 })).map((one) => one.at)).toEqual([at(5), at(9)]);
      expect(await store.statuses()).toHaveLength(1);
      expect((await store.accepted())?.revision).toBe('r2');
      expect(await store.accepted({ revision: 'r1' })).toBeNull();
      expect(await store.prune(new Date(at(5)))).toBe(0);
    });

    it('does not give the number of a removed decision again', async () => {
      await store.write(batchOf({ decisions: [decisionOf({ at: at(1) }), decisionOf({ at: at(1) })] }));
      const last = (await store.decisions({ limit: 1 }))[0]!.sequence;
      await store.prune(new Date(at(5)));
      await store.write(batchOf({ decisions: [decisionOf({ at: at(9) })] }));
      expect(await store.decisions({ limit: 10, after: last })).toHaveLength(1);
    });

    it('prunes any history to the newest upgrade of each instance and what is not from before', async () => {
      const any = fc.array(
        fc.record({ slug: fc.constantFrom('a', 'b', 'c'), minute: fc.integer({ min: 0, max: 9 }) }),
        {
          maxLength: 12,
        },
      );
      await fc.assert(
        fc.asyncProperty(any, fc.integer({ min: 0, max: 10 }), async (drawn, limit) => {
          const own = await open();
          try {
            const upgrades = drawn.map(({ slug, minute }, index) =>
              upgradeOf({ id: `u${String(index).padStart(2, '0')}`, slug, startedAt: at(minute) }),
            );
            await own.write(batchOf({ upgrades, statuses: ['a', 'b', 'c'].map((slug) => statusOf(slug)) }));
            const all = await own.upgrades({ limit: 100 });
            const stay = all.filter(
              (one) => one.startedAt >= at(limit) || one.id === all.find(({ slug }) => slug === one.slug)?.id,
            );
            expect(await own.prune(new Date(at(limit)))).toBe(all.length - stay.length);
            expect(await own.upgrades({ limit: 100 })).toEqual(stay);
          } finally {
            await own.close();
          }
        }),
        { numRuns: 25 },
      );
    });
  });
}
