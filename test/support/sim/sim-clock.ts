import { setImmediate } from 'node:timers/promises';
import type { QueueClock } from '../../../src/controller/queue/work-queue.js';

/** Time that passes only when it is told to, at once. */
export interface SimClock extends QueueClock {
  now(): Date;
  /** Lets what is due run, and everything that follows from it, one moment after the other. */
  advance(ms: number): Promise<void>;
  /** Lets run what waits for no time. */
  settle(): Promise<void>;
  /** The wall clock jumps; what waits does not notice. */
  jump(ms: number): void;
  /** How many timers wait. */
  timers(): number;
}

export function createSimClock(start = Date.parse('2026-03-02T10:00:00Z')): SimClock {
  let nowMs = 0;
  let wall = start;
  let number = 0;
  const timers = new Map<number, { at: number; run: () => void }>();

  /** Reading files takes real time: a few turns of the event loop in which nothing else is due. */
  async function settle(): Promise<void> {
    for (let turn = 0; turn < 40; turn += 1) await setImmediate();
  }

  return {
    nowMs: () => nowMs,
    now: () => new Date(wall + nowMs),
    after(ms, run) {
      const id = number++;
      timers.set(id, { at: nowMs + Math.max(ms, 0), run });
      return () => void timers.delete(id);
    },
    settle,
    timers: () => timers.size,
    jump(ms) {
      wall += ms;
    },
    async advance(ms) {
      const end = nowMs + ms;
      await settle();
      for (;;) {
        const due = [...timers].filter(([, { at }]) => at <= end).sort(([a, x], [b, y]) => x.at - y.at || a - b)[0];
        if (!due) break;
        timers.delete(due[0]);
        nowMs = Math.max(nowMs, due[1].at);
        due[1].run();
        await settle();
      }
      nowMs = end;
    },
  };
}
