import { createWorkQueue } from '../../../src/controller/queue/create-work-queue.js';
import type { QueueClock, WorkQueue, WorkQueueOptions } from '../../../src/controller/queue/work-queue.js';

interface Timer {
  dueMs: number;
  run: () => void;
}

/** Time that passes only when it is told to. */
function createSimulatedClock() {
  let nowMs = 0;
  const timers = new Set<Timer>();
  const clock: QueueClock = {
    nowMs: () => nowMs,
    after: (ms, run) => {
      const timer = { dueMs: nowMs + ms, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
  };
  return {
    clock,
    /** How many timers there are now. */
    timers: () => timers.size,
    /** Rings what is due on the way, each at its time, and lets what that starts come to rest. */
    advance: async (ms: number) => {
      const endMs = nowMs + ms;
      for (;;) {
        const next = [...timers].sort((a, b) => a.dueMs - b.dueMs)[0];
        if (!next || next.dueMs > endMs) break;
        nowMs = Math.max(nowMs, next.dueMs);
        timers.delete(next);
        next.run();
        await settle();
      }
      nowMs = endMs;
    },
  };
}

/** Lets everything run that can run without time passing. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export interface Simulation {
  nowMs: () => number;
  queue: WorkQueue;
  /** Keys in the order in which they were started. */
  started: string[];
  crashes: { key: string; error: unknown }[];
  working: () => string[];
  advance: (ms: number) => Promise<void>;
  timers: () => number;
  /** Ends the work on a key, with an error where one is given. */
  finish: (key: string, error?: Error) => Promise<void>;
  /** Ends all work and whatever starts then, until nothing is at work. */
  finishAll: () => Promise<void>;
}

/** A queue on simulated time whose work ends when the test says so. Lanes are named before a slash: `a/1` is in lane `a`. */
export function simulate(options: Partial<WorkQueueOptions> = {}, onStart?: (key: string) => void): Simulation {
  const { clock, advance, timers } = createSimulatedClock();
  const started: string[] = [];
  const crashes: Simulation['crashes'] = [];
  const ends = new Map<string, (error?: Error) => void>();
  const queue = createWorkQueue({
    laneOf: (key) => key.split('/')[0] as string,
    concurrency: { total: 100, perLane: 100 },
    backoff: { firstMs: 1_000, mostMs: 60_000 },
    random: () => 0,
    clock,
    work: (key) => {
      started.push(key);
      onStart?.(key);
      return new Promise((resolve, reject) => {
        ends.set(key, (error) => (error ? reject(error) : resolve()));
      });
    },
    onCrash: (key, error) => crashes.push({ key, error }),
    ...options,
  });
  const finish = async (key: string, error?: Error) => {
    const end = ends.get(key);
    ends.delete(key);
    end?.(error);
    await settle();
  };
  const finishAll = async () => {
    await settle();
    while (ends.size > 0) for (const key of [...ends.keys()]) await finish(key);
  };
  return {
    nowMs: clock.nowMs,
    queue,
    started,
    crashes,
    working: () => [...ends.keys()],
    advance,
    timers,
    finish,
    finishAll,
  };
}
