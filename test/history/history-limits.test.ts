import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FlotillaError } from '../../src/errors.js';
import type { Upgrade } from '../../src/history/history-store.js';
import { createHistoryWriter, type HistoryWriter } from '../../src/history/history-writer.js';
import { decisionOf, upgradeOf } from '../support/history-fixtures.js';
import { createMemoryHistory, type MemoryHistory } from '../support/memory-history.js';

const FULL = new FlotillaError('HistoryUnavailable', 'the disk is full');
const RUNNING = { result: 'running', finishedAt: null } as const;

let store: MemoryHistory;
let writer: HistoryWriter;
/** How many rows wait. */
let waiting: number;
/** Whether each was acknowledged, in the order in which that was known. */
let told: string[];

beforeEach(() => {
  vi.useFakeTimers();
  store = createMemoryHistory();
  told = [];
  writer = makeWriter({ maxUpgrades: 3 });
});
afterEach(() => void vi.useRealTimers());

function makeWriter(limits: { maxWaiting?: number; maxUpgrades?: number }): HistoryWriter {
  const onWaiting = (count: number): void => {
    waiting = count;
  };
  return createHistoryWriter({
    store,
    log: { info: vi.fn(), error: vi.fn() },
    onFailed: vi.fn(),
    onWaiting,
    ...limits,
  });
}

function record(id: string, part: Partial<Upgrade> = {}): void {
  void writer.recordUpgrade(upgradeOf({ id, ...part })).then((isWritten) => told.push(`${id} ${isWritten}`));
}

const ids = async (): Promise<string[]> => (await store.upgrades({ limit: 100 })).map(({ id }) => id).sort();
const messages = async (): Promise<string[]> => (await store.decisions({ limit: 100 })).map(({ message }) => message);

describe('above its limit of upgrades', () => {
  test('it drops the oldest, tells at once whoever waits for one, and says how many when it can write again', async () => {
    store.failWith = FULL;
    for (const id of ['u1', 'u2', 'u3', 'u4', 'u5']) record(id);
    await vi.advanceTimersByTimeAsync(100);
    expect(told).toEqual(['u1 false', 'u2 false']);
    expect(waiting).toBe(3);
    store.failWith = null;
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await ids()).toEqual(['u3', 'u4', 'u5']);
    expect(told.slice(2)).toEqual(['u3 true', 'u4 true', 'u5 true']);
    expect(await messages()).toEqual(['2 upgrades were not kept while the history could not be written']);
  });

  test('it keeps those that run, and counts what it drops of each kind', async () => {
    writer = makeWriter({ maxUpgrades: 3, maxWaiting: 1 });
    store.failWith = FULL;
    record('u1', RUNNING);
    record('u2');
    record('u3', RUNNING);
    record('u4');
    for (const message of ['a', 'b', 'c']) writer.recordDecision(decisionOf({ message }));
    await vi.advanceTimersByTimeAsync(100);
    store.failWith = null;
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await ids()).toEqual(['u1', 'u3', 'u4']);
    expect(await messages()).toEqual([
      'c',
      '2 decisions and 1 upgrade were not kept while the history could not be written',
    ]);
  });

  test('it keeps the end of one whose beginning is on the disk: it would run for ever there', async () => {
    record('u1', RUNNING);
    await vi.advanceTimersByTimeAsync(100);
    store.failWith = FULL;
    for (const id of ['u1', 'u2', 'u3', 'u4', 'u5']) record(id);
    await vi.advanceTimersByTimeAsync(100);
    store.failWith = null;
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await ids()).toEqual(['u1', 'u4', 'u5']);
    expect(await store.running()).toEqual([]);
    // It is as any other once its end is written.
    store.failWith = FULL;
    for (const id of ['u1', 'u6', 'u7', 'u8']) record(id);
    await vi.advanceTimersByTimeAsync(100);
    expect(told.at(-1)).toBe('u1 false');
  });

  test('it drops none that is being written, and acknowledges it once it is', async () => {
    const write = store.write;
    let finish = (): void => undefined;
    store.write = async (batch) => {
      await write(batch);
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
    };
    for (const id of ['u1', 'u2', 'u3']) record(id);
    await vi.advanceTimersByTimeAsync(100);
    record('u4');
    await vi.advanceTimersByTimeAsync(1);
    // What is not being written is all that can go.
    expect(told).toEqual(['u4 false']);
    finish();
    await vi.advanceTimersByTimeAsync(1);
    expect(told.slice(1)).toEqual(['u1 true', 'u2 true', 'u3 true']);
  });

  test('it drops them again after an attempt to write them has failed', async () => {
    store.failWith = FULL;
    for (const id of ['u1', 'u2', 'u3']) record(id);
    await vi.advanceTimersByTimeAsync(5_000);
    record('u4');
    await vi.advanceTimersByTimeAsync(1);
    expect(told).toEqual(['u1 false']);
  });

  test('which is ten thousand, it holds no more of them, however long the disk is full', async () => {
    writer = makeWriter({});
    store.failWith = FULL;
    for (let index = 0; index < 12_000; index += 1) record(`u${index}`);
    await vi.advanceTimersByTimeAsync(100);
    expect(waiting).toBe(10_000);
    expect(told).toHaveLength(2_000);
  });
});
