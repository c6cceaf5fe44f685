import { expect, it } from 'vitest';
import { createEndingClock } from '../../../src/controller/watch/ending-clock.js';
import { createSimClock } from '../../support/sim/sim-clock.js';

function setUp() {
  const time = createSimClock();
  const rung: string[] = [];
  const clock = createEndingClock(time);
  return { time, rung, clock, ring: (name: string) => () => void rung.push(name) };
}

it('rings as the clock below, and not where it was cancelled', async () => {
  const { time, rung, clock, ring } = setUp();
  clock.after(20, ring('late'));
  clock.after(10, ring('early'));
  clock.after(15, ring('never'))();
  await time.advance(30);
  expect(rung).toEqual(['early', 'late']);
  expect(clock.nowMs()).toBe(30);
  expect(time.timers()).toBe(0);
});

it('drops all that waits when it ends, and what comes later', async () => {
  const { time, rung, clock, ring } = setUp();
  const cancel = clock.after(10, ring('waits'));
  clock.after(20, () => clock.after(10, ring('again')));
  clock.end();
  expect(time.timers()).toBe(0);
  clock.after(5, ring('later'))();
  cancel();
  await time.advance(100);
  expect(rung).toEqual([]);
});
