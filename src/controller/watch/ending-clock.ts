import type { QueueClock } from '../queue/work-queue.js';

/** Time until the daemon stops: a process does not end before the last of its timers. */
export interface EndingClock extends QueueClock {
  /** Drops all that waits, and whatever is to wait from now on. */
  end(): void;
}

export function createEndingClock(clock: QueueClock): EndingClock {
  const waiting = new Set<() => void>();
  let ended = false;
  return {
    nowMs: () => clock.nowMs(),
    after(ms, run) {
      if (ended) return () => undefined;
      const cancel = clock.after(ms, () => {
        waiting.delete(cancel);
        run();
      });
      waiting.add(cancel);
      return () => {
        waiting.delete(cancel);
        cancel();
      };
    },
    end() {
      ended = true;
      for (const cancel of waiting) cancel();
      waiting.clear();
    },
  };
}
