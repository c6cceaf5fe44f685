import type { Logger } from '../../log.js';

/** So far the two clocks may drift apart between two looks: no clock that is merely set right moves as much. */
const JUMP_MS = 60 * 60_000;
/** So long the wall clock must have gone on steadily after a jump. */
const CALM_MS = 24 * 60 * 60_000;

/** Watches the wall clock against the monotonic one, for what cannot be undone: what is deleted by its age is gone. */
export interface ClockGuard {
  /** Compares them with the last time. False for a day after a jump in either direction; the first is logged. */
  isSteady(): boolean;
}

export function createClockGuard({
  now,
  nowMs,
  log,
}: {
  now: () => Date;
  /** Monotonic. */
  nowMs: () => number;
  log: Pick<Logger, 'warn'>;
}): ClockGuard {
  let aheadMs = now().getTime() - nowMs();
  let calmAtMs = Number.NEGATIVE_INFINITY;
  return {
    isSteady() {
      const before = aheadMs;
      aheadMs = now().getTime() - nowMs();
      const jumpMs = aheadMs - before;
      const wasCalm = nowMs() >= calmAtMs;
      if (Math.abs(jumpMs) <= JUMP_MS) return wasCalm;
      if (wasCalm)
        log.warn({ seconds: Math.round(jumpMs / 1_000) }, 'the clock has jumped: no history is deleted for a day');
      calmAtMs = nowMs() + CALM_MS;
      return false;
    },
  };
}
