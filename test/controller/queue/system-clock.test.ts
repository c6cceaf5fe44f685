import { afterEach, expect, test, vi } from 'vitest';
import { createSystemClock } from '../../../src/controller/queue/system-clock.js';

afterEach(() => void vi.useRealTimers());

test('a timer rings once its time has come, not before', async () => {
  const clock = createSystemClock();
  for (const ms of [0, 0.3, 1.7, 5, 12.5]) {
    const start = clock.nowMs();
    await new Promise<void>((resolve) => clock.after(ms, resolve));
    expect(clock.nowMs()).toBeGreaterThanOrEqual(start + ms);
  }
});

test('a timer longer than any of Node rings when it is due, or not at all once cancelled', () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  const clock = createSystemClock();
  const days = 24 * 3_600_000;
  let rung = 0;
  clock.after(60 * days, () => rung++);
  const cancel = clock.after(60 * days, () => rung++);
  vi.advanceTimersByTime(59 * days);
  expect(rung).toBe(0);
  cancel();
  vi.advanceTimersByTime(1 * days);
  expect(rung).toBe(1);
  expect(vi.getTimerCount()).toBe(0);
});
