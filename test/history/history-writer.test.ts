import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FlotillaError } from '../../src/errors.js';
import { createHistoryWriter, type HistoryWriter } from '../../src/history/history-writer.js';
import { decisionOf, statusOf, upgradeOf } from '../support/history-fixtures.js';
import { createMemoryHistory, type MemoryHistory } from '../support/memory-history.js';

const FULL = new FlotillaError('HistoryUnavailable', 'the disk is full');
const ACCEPTED = { revision: 'r1', author: null, at: '2025-03-01T10:00:00.000Z', instances: 1, problems: 0 };

let store: MemoryHistory;
let writer: HistoryWriter;
let waiting: number[];
const log = { info: vi.fn(), error: vi.fn() };
const onFailed = vi.fn();

beforeEach(() => {
  vi.useFakeTimers();
  vi.clearAllMocks();
  store = createMemoryHistory();
  waiting = [];
  writer = makeWriter();
});
afterEach(() => void vi.useRealTimers());

function makeWriter(maxWaiting?: number): HistoryWriter {
  const onWaiting = (count: number): void => void waiting.push(count);
  return createHistoryWriter({ store, log, onFailed, onWaiting, ...(maxWaiting !== undefined && { maxWaiting }) });
}

/** Whether it has resolved by now. */
function watch(promise: Promise<unknown>): { done: boolean } {
  const seen = { done: false };
  void promise.then(() => {
    seen.done = true;
  });
  return seen;
}

const messages = async (): Promise<string[]> => (await store.decisions({ limit: 100 })).map(({ message }) => message);

test('writes what comes at about the same time at once, of each instance the last status only', async () => {
  const upgrade = watch(writer.recordUpgrade(upgradeOf()));
  for (let failures = 0; failures < 5; failures += 1) writer.recordStatus(statusOf('acme', { failures }));
  writer.recordDecision(decisionOf());
  await vi.advanceTimersByTimeAsync(0);
  expect(upgrade.done).toBe(false);
  await vi.advanceTimersByTimeAsync(100);
  expect(upgrade.done).toBe(true);
  expect(store.batches).toHaveLength(1);
  expect(await store.statuses()).toEqual([statusOf('acme', { failures: 4 })]);
  expect(waiting.at(-1)).toBe(0);
  expect(Math.max(...waiting)).toBe(2);
});

test('of a status and the wish to forget it the later holds', async () => {
  writer.recordStatus(statusOf('gone'));
  writer.forget('gone');
  writer.forget('back');
  writer.recordStatus(statusOf('back'));
  await vi.advanceTimersByTimeAsync(100);
  expect(await store.statuses()).toEqual([statusOf('back')]);
});

test('many rows go in batches of at most 500, and an accepted revision after all statuses, whichever came first', async () => {
  const accepted = watch(writer.recordAccepted(ACCEPTED));
  for (let index = 0; index < 1700; index += 1) writer.recordStatus(statusOf(`tenant-${index}`));
  await vi.advanceTimersByTimeAsync(500);
  expect(accepted.done).toBe(true);
  expect(store.batches.map(({ statuses, accepted: { length } }) => [statuses.length, length])).toEqual([
    [500, 0],
    [500, 0],
    [500, 0],
    [200, 1],
  ]);
});

test('while nothing can be written it keeps all, tries again ever more rarely, and says so once', async () => {
  store.failWith = FULL;
  const upgrade = watch(writer.recordUpgrade(upgradeOf()));
  writer.recordStatus(statusOf('acme'));
  await vi.advanceTimersByTimeAsync(100);
  expect(onFailed).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(1_000 + 2_000 + 4_000 + 8_000 + 16_000);
  expect(onFailed).toHaveBeenCalledTimes(6);
  await vi.advanceTimersByTimeAsync(300_000);
  expect(onFailed).toHaveBeenCalledTimes(16);
  expect(log.error.mock.calls).toEqual([[{ err: FULL }, 'history cannot be written']]);
  expect(upgrade.done).toBe(false);

  writer.recordStatus(statusOf('acme', { failures: 9 }));
  store.failWith = null;
  await vi.advanceTimersByTimeAsync(31_000);
  expect(upgrade.done).toBe(true);
  expect(await store.statuses()).toEqual([statusOf('acme', { failures: 9 })]);
  expect(log.info.mock.calls).toEqual([[{ failures: 16 }, 'history is written again']]);
  expect(log.error).toHaveBeenCalledTimes(1);

  store.failWith = FULL;
  writer.recordDecision(decisionOf());
  await vi.advanceTimersByTimeAsync(100);
  expect(log.error).toHaveBeenCalledTimes(2);
});

test('an upgrade that ends while its start waits is written once, as it ended, for both who wait', async () => {
  store.failWith = FULL;
  const started = watch(writer.recordUpgrade(upgradeOf({ result: 'running', finishedAt: null })));
  await vi.advanceTimersByTimeAsync(100);
  const ended = watch(writer.recordUpgrade(upgradeOf({ result: 'failed' })));
  store.failWith = null;
  await vi.advanceTimersByTimeAsync(2_000);
  expect([started.done, ended.done]).toEqual([true, true]);
  expect(await store.upgrades({ limit: 10 })).toEqual([upgradeOf({ result: 'failed' })]);
});

test('what comes while a batch is being written is not taken for written', async () => {
  const write = store.write;
  let finish = (): void => undefined;
  store.write = async (batch) => {
    await write(batch);
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
  };
  const started = watch(writer.recordUpgrade(upgradeOf({ result: 'running' })));
  await vi.advanceTimersByTimeAsync(100);
  const ended = watch(writer.recordUpgrade(upgradeOf({ result: 'converged' })));
  finish();
  await vi.advanceTimersByTimeAsync(1);
  expect([started.done, ended.done]).toEqual([true, false]);
  await vi.advanceTimersByTimeAsync(100);
  finish();
  await vi.advanceTimersByTimeAsync(1);
  expect(ended.done).toBe(true);
  expect(await store.upgrades({ limit: 10 })).toMatchObject([{ result: 'converged' }]);
});

test('above its limit it drops the oldest decisions, and says how many when it can write again', async () => {
  writer = makeWriter(3);
  store.failWith = FULL;
  for (const message of ['a', 'b', 'c', 'd', 'e']) writer.recordDecision(decisionOf({ message }));
  await vi.advanceTimersByTimeAsync(100);
  store.failWith = null;
  await vi.advanceTimersByTimeAsync(2_000);
  expect(await messages()).toEqual(['c', 'd', 'e', '2 decisions were not kept while the history could not be written']);
  expect((await store.decisions({ limit: 1 }))[0]).toMatchObject({
    type: 'Warning',
    reason: 'HistoryLost',
    slug: null,
  });
});

test('flush tries at once, between retries too, and says whether all is written', async () => {
  store.failWith = FULL;
  writer.recordDecision(decisionOf());
  await vi.advanceTimersByTimeAsync(20_000);
  expect(await settled(writer.flush(5_000))).toBe(false);
  store.failWith = null;
  expect(await settled(writer.flush(5_000))).toBe(true);
  expect(await messages()).toHaveLength(1);
  expect(await settled(writer.flush(5_000))).toBe(true);
});

test('flush does not wait for a write longer than it was told to', async () => {
  store.write = () => new Promise(() => undefined);
  writer.recordDecision(decisionOf());
  const flushed = watch(writer.flush(5_000));
  await vi.advanceTimersByTimeAsync(4_000);
  expect(flushed.done).toBe(false);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(flushed.done).toBe(true);
});

test('once closed it tries nothing more', async () => {
  store.failWith = FULL;
  writer.recordDecision(decisionOf());
  await vi.advanceTimersByTimeAsync(100);
  await writer.close();
  store.failWith = null;
  writer.recordDecision(decisionOf());
  await vi.advanceTimersByTimeAsync(600_000);
  expect(store.batches).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});

async function settled<T>(promise: Promise<T>): Promise<T> {
  await vi.advanceTimersByTimeAsync(1_000);
  return promise;
}
