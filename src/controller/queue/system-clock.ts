import type { QueueClock } from './work-queue.js';

/** Node's timers hold at most this; what is longer they would run at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** This machine's monotonic time. A timer never rings early, however long it is. */
export function createSystemClock(): QueueClock {
  return { nowMs: () => performance.now(), after };
}

function after(ms: number, run: () => void): () => void {
  const dueMs = performance.now() + ms;
  let timer: NodeJS.Timeout;
  const arm = (leftMs: number) => {
    timer = setTimeout(ring, Math.min(LONGEST_TIMER_MS, Math.ceil(leftMs)));
  };
  // Timers count whole milliseconds of the event loop's own clock, which may be a little ahead of this one.
  const ring = () => {
    const leftMs = dueMs - performance.now();
    if (leftMs > 0) arm(leftMs);
    else run();
  };
  arm(ms);
  return () => clearTimeout(timer);
}
