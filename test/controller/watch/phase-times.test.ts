import { expect, it } from 'vitest';
import { createPhaseTimes } from '../../../src/controller/watch/phase-times.js';

/** What is measured when these phases are heard of at these times, and it is looked at last. */
function measure(heard: readonly (readonly [string, number])[], lastMs: number): string {
  let nowMs = 0;
  const times = createPhaseTimes(() => nowMs);
  for (const [phase, at] of heard) {
    nowMs = at;
    times.heard(phase);
  }
  nowMs = lastMs;
  return times
    .untilNow()
    .map(({ phase, durationMs }) => `${phase} ${durationMs}`)
    .join(', ');
}

it('a phase lasts until the next begins, the last until now', () => {
  const heard = [
    ['lock', 100],
    ['pull', 130.4],
    ['up', 1_000],
  ] as const;
  expect(measure(heard, 1_500)).toBe('lock 30, pull 870, up 500');
});

it('a phase that tells of itself again and again is one', () => {
  const heard = [
    ['pull', 0],
    ['pull', 10],
    ['pull', 500],
    ['verify', 600],
    ['verify', 900],
  ] as const;
  expect(measure(heard, 1_000)).toBe('pull 600, verify 400');
});

it('the phases of a rollback follow those of what failed', () => {
  const heard = [
    ['up', 0],
    ['verify', 10],
    ['up', 70],
    ['verify', 75],
  ] as const;
  expect(measure(heard, 80)).toBe('up 10, verify 60, up 5, verify 5');
});

it('there are none where nothing was heard', () => {
  expect(measure([], 1_000)).toBe('');
});
