import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createHistoryWriter } from '../../src/history/history-writer.js';
import { openSqliteStore } from '../../src/history/sqlite/open-sqlite-store.js';
import { canMount, temporaryMount } from '../agent/support/tenant-tree.js';
import { decisionOf, statusOf, upgradeOf } from '../support/history-fixtures.js';

test.skipIf(!canMount())(
  'a full disk loses nothing: what waits is written when there is space again',
  async () => {
    const mount = temporaryMount('768k');
    const file = join(mount, 'history.db');
    const filler = join(mount, 'filler');
    const store = await openSqliteStore(file);
    onTestFinished(() => store.close());
    const log = { info: vi.fn(), error: vi.fn() };
    const writer = createHistoryWriter({ store, log, onFailed: vi.fn(), onWaiting: vi.fn() });
    onTestFinished(() => writer.close());
    await writer.recordUpgrade(upgradeOf({ id: 'before' }));
    fill(filler);

    const written: string[] = [];
    const ids = Array.from({ length: 20 }, (_, index) => `full${String(index).padStart(2, '0')}`);
    const all = ids.map((id) =>
      writer.recordUpgrade(upgradeOf({ id, log: ['x'.repeat(2000)] })).then(() => written.push(id)),
    );
    writer.recordStatus(statusOf('acme', { failures: 7 }));
    writer.recordDecision(decisionOf({ message: 'while it was full' }));
    await vi.waitFor(() => expect(log.error).toHaveBeenCalled(), { timeout: 60_000 });
    expect(log.error.mock.calls).toEqual([
      [{ err: expect.objectContaining({ code: 'HistoryUnavailable' }) }, 'history cannot be written'],
    ]);
    expect(log.error.mock.calls[0]?.[0].err.message).toBe(`the history in ${file} cannot be used: the disk is full`);
    expect(await writer.flush(60_000)).toBe(false);
    expect(written).toEqual([]);
    // Reading goes on meanwhile.
    expect((await store.upgrades({ limit: 100 })).map(({ id }) => id)).toEqual(['before']);

    rmSync(filler);
    await Promise.all(all);
    await vi.waitFor(() => expect(log.info).toHaveBeenCalledTimes(1), { timeout: 60_000 });
    expect(await writer.flush(60_000)).toBe(true);
    expect((await store.upgrades({ limit: 100 })).map(({ id }) => id).sort()).toEqual(['before', ...ids]);
    expect(await store.statuses()).toEqual([statusOf('acme', { failures: 7 })]);
    expect(await store.decisions({ limit: 10 })).toMatchObject([{ message: 'while it was full' }]);
    expect(log.error).toHaveBeenCalledTimes(1);
  },
  120_000,
);

test.skipIf(!canMount())(
  'a full disk costs no more memory than its limit: what is above it was never acknowledged, and is said to be lost',
  async () => {
    const mount = temporaryMount('768k');
    const filler = join(mount, 'filler');
    const store = await openSqliteStore(join(mount, 'history.db'));
    onTestFinished(() => store.close());
    const log = { info: vi.fn(), error: vi.fn() };
    const writer = createHistoryWriter({ store, log, onFailed: vi.fn(), onWaiting: vi.fn(), maxUpgrades: 5 });
    onTestFinished(() => writer.close());
    fill(filler);
    const ids = Array.from({ length: 20 }, (_, index) => `full${String(index).padStart(2, '0')}`);
    const all = ids.map((id) => writer.recordUpgrade(upgradeOf({ id, log: ['x'.repeat(2000)] })));
    await vi.waitFor(() => expect(log.error).toHaveBeenCalled(), { timeout: 60_000 });
    rmSync(filler);
    const acknowledged = await Promise.all(all);
    const kept = (await store.upgrades({ limit: 100 })).map(({ id }) => id).sort();
    expect(kept).toEqual(ids.slice(-5));
    expect(ids.filter((_, at) => acknowledged[at])).toEqual(kept);
    expect(await writer.flush(60_000)).toBe(true);
    expect(await store.decisions({ limit: 10 })).toMatchObject([
      { reason: 'HistoryLost', message: '15 upgrades were not kept while the history could not be written' },
    ]);
  },
  120_000,
);

/** Writes until there is no byte left. */
function fill(path: string): void {
  for (let size = 1 << 16; size >= 1; size >>= 1) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(size), { flag: 'a' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }
}
