import { afterEach, beforeEach, expect, it } from 'vitest';
import { type SourceLoop, startSourceLoop } from '../../../src/controller/watch/source-loop.js';
import { FlotillaError } from '../../../src/errors.js';
import type { Snapshot } from '../../../src/source/source.js';
import { createSimClock } from '../../support/sim/sim-clock.js';

let ending: AbortController;
beforeEach(() => {
  ending = new AbortController();
});
afterEach(() => ending.abort());

const snapshot = (revision: string) => ({ revision }) as unknown as Snapshot;

function setUp() {
  const clock = createSimClock();
  const told: string[] = [];
  const site = {
    now: snapshot('r1') as Snapshot | Error,
    refuse: false,
    change: () => {},
    reads: 0,
    /** What a read takes. */
    slow: Promise.resolve(),
  };
  const loop: SourceLoop = startSourceLoop({
    source: {
      async read() {
        site.reads += 1;
        await site.slow;
        if (site.now instanceof Error) throw site.now;
        return site.now;
      },
      async watch({ onChange }) {
        site.change = onChange;
      },
    },
    clock,
    random: () => 1,
    signal: ending.signal,
    async onSnapshot({ revision }) {
      told.push(`${site.refuse ? 'refused' : 'took'} ${revision}`);
      return !site.refuse;
    },
    onFailure: ({ code }) => void told.push(code),
    onUnread: async () => undefined,
    onRead: () => undefined,
  });
  return { clock, told, site, loop };
}

it('takes each snapshot once, and reads once for however many triggers come at once', async () => {
  const { clock, told, site, loop } = setUp();
  await clock.settle();
  expect(site.reads).toBe(1);
  for (let i = 0; i < 1_000; i += 1) loop.trigger();
  await clock.settle();
  expect(site.reads).toBe(2);
  site.now = snapshot('r2');
  site.change();
  await clock.settle();
  expect(site.reads).toBe(3);
  expect(told).toEqual(['took r1', 'took r2']);
});

it('reads once more, and not at the same time, for all triggers that come during a read', async () => {
  const { clock, told, site, loop } = setUp();
  await clock.settle();
  let finish = () => {};
  site.slow = new Promise((resolve) => (finish = resolve));
  for (let i = 0; i < 100; i += 1) {
    loop.trigger();
    await clock.settle();
  }
  expect(site.reads).toBe(2);
  site.now = snapshot('r2');
  finish();
  await clock.settle();
  expect(site.reads).toBe(3);
  expect(told).toEqual(['took r1', 'took r2']);
});

it('tries again after a failure, less and less often, and takes what is there then', async () => {
  const { clock, told, site } = setUp();
  await clock.settle();
  site.now = new FlotillaError('SourceUnreadable', 'it is gone');
  site.change();
  await clock.advance(10 * 60_000);
  const failures = told.filter((each) => each === 'SourceUnreadable').length;
  expect(failures).toBeGreaterThan(5);
  expect(failures).toBeLessThan(20);
  site.now = snapshot('r2');
  await clock.advance(61_000);
  expect(told.at(-1)).toBe('took r2');
});

it('offers what was refused again only when it is told to, or when there is another', async () => {
  const { clock, told, site, loop } = setUp();
  site.refuse = true;
  await clock.settle();
  loop.trigger();
  await clock.settle();
  expect(told).toEqual(['refused r1']);
  site.refuse = false;
  loop.reconsider();
  await clock.settle();
  expect(told).toEqual(['refused r1', 'took r1']);
});

it('reads a source that cannot be watched by the clock', async () => {
  const clock = createSimClock();
  let reads = 0;
  startSourceLoop({
    source: {
      async read() {
        reads += 1;
        throw new Error('no');
      },
      watch: () => Promise.reject(new Error('no watches left')),
    },
    clock,
    random: () => 1,
    signal: ending.signal,
    onSnapshot: async () => true,
    onFailure: () => undefined,
    onUnread: async () => undefined,
    onRead: () => undefined,
  });
  await clock.advance(60_000);
  expect(reads).toBeGreaterThan(2);
});
