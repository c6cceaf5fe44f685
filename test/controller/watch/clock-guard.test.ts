import { expect, it, vi } from 'vitest';
import { createClockGuard } from '../../../src/controller/watch/clock-guard.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A guard that is asked once an hour, as the daemon does. */
function setUp() {
  const warn = vi.fn();
  let wallMs = Date.parse('2026-03-02T10:00:00Z');
  let nowMs = 0;
  const guard = createClockGuard({ now: () => new Date(wallMs), nowMs: () => nowMs, log: { warn } });
  return {
    warn,
    jump: (ms: number) => {
      wallMs += ms;
    },
    /** Asks after each hour that passes; gives the last answer. */
    pass(hours: number): boolean {
      let steady = true;
      for (let hour = 0; hour < hours; hour += 1) {
        nowMs += HOUR_MS;
        wallMs += HOUR_MS;
        steady = guard.isSteady();
      }
      return steady;
    },
  };
}

it('trusts a clock that goes on, also one that is set right by a little every hour', () => {
  const { pass, jump, warn } = setUp();
  expect(pass(48)).toBe(true);
  for (let hour = 0; hour < 100; hour += 1) {
    jump(50 * 60_000);
    expect(pass(1)).toBe(true);
  }
  jump(-HOUR_MS);
  expect(pass(1)).toBe(true);
  expect(warn).not.toHaveBeenCalled();
});

it.each([
  ['ahead', 200 * DAY_MS],
  ['back', -200 * DAY_MS],
  ['ahead by little more than an hour', HOUR_MS + 1],
])('trusts it again only a day after a jump %s, and says so once', (_, ms) => {
  const { pass, jump, warn } = setUp();
  jump(ms);
  expect(pass(1)).toBe(false);
  expect(pass(23)).toBe(false);
  expect(pass(1)).toBe(true);
  expect(warn.mock.calls).toEqual([
    [{ seconds: Math.round(ms / 1_000) }, 'the clock has jumped: no history is deleted for a day'],
  ]);
});

it('waits for a whole day since the last of several jumps, and says so of the next only after that', () => {
  const { pass, jump, warn } = setUp();
  jump(200 * DAY_MS);
  pass(20);
  jump(-200 * DAY_MS);
  expect(pass(24)).toBe(false);
  expect(pass(1)).toBe(true);
  expect(warn).toHaveBeenCalledTimes(1);
  jump(2 * HOUR_MS);
  expect(pass(1)).toBe(false);
  expect(warn).toHaveBeenCalledTimes(2);
});
