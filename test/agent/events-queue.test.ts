import { expect, test } from 'vitest';
import { createEventQueue } from '../../src/agent/events/event-queue.js';
import type { HostEvent } from '../../src/agent-client/tenant-driver.js';

const now = Promise.resolve();
const file = (path: string): HostEvent => ({ type: 'file', slug: 'acme', path });
const container = (action: string): HostEvent => ({ type: 'container', slug: 'acme', service: 'web', action });

async function take(queue: AsyncIterator<HostEvent, undefined>, count: number): Promise<unknown[]> {
  const taken: unknown[] = [];
  for (let i = 0; i < count; i += 1) taken.push((await queue.next()).value);
  return taken;
}

test('what is said twice is kept once, with the last action, in the order in which it first came', async () => {
  const queue = createEventQueue({ start: now, onEnd: () => undefined });
  for (const event of [file('a'), container('kill'), file('b'), file('a'), container('die')]) queue.push(event);
  expect(await take(queue, 3)).toEqual([file('a'), container('die'), file('b')]);
  queue.push(file('a'));
  expect(await take(queue, 1)).toEqual([file('a')]);
});

test('resync takes the place of all that waits, and of what comes before it is taken', async () => {
  const queue = createEventQueue({ start: now, onEnd: () => undefined });
  for (const event of [file('a'), { type: 'resync' } as const, file('b')]) queue.push(event);
  expect(await take(queue, 1)).toEqual([{ type: 'resync' }]);
  queue.push(file('c'));
  expect(await take(queue, 1)).toEqual([file('c')]);
});

test('a listener that does not take anything costs a bounded number of events, then one resync', async () => {
  const queue = createEventQueue({ start: now, limit: 3, onEnd: () => undefined });
  for (let i = 0; i < 10_000; i += 1) queue.push(file(`${i}`));
  expect(await take(queue, 1)).toEqual([{ type: 'resync' }]);
  queue.push(file('last'));
  expect(await take(queue, 1)).toEqual([file('last')]);
});

test('nothing is given before the start', async () => {
  let begin: () => void = () => undefined;
  const start = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const queue = createEventQueue({ start, onEnd: () => undefined });
  let given = false;
  const first = queue.next().finally(() => {
    given = true;
  });
  queue.push(file('a'));
  await new Promise(setImmediate);
  expect(given).toBe(false);
  queue.push({ type: 'resync' });
  begin();
  expect(await first).toEqual({ done: false, value: { type: 'resync' } });
});

test('the end reaches those who wait and those who ask later, and is said once', async () => {
  let ends = 0;
  const queue = createEventQueue({ start: now, onEnd: () => ends++ });
  const waiting = [queue.next(), queue.next()];
  await queue.return?.();
  queue.end();
  queue.push(file('a'));
  const done = { done: true, value: undefined };
  expect(await Promise.all([...waiting, queue.next()])).toEqual([done, done, done]);
  expect(ends).toBe(1);
});
