/** What a queue tells of itself, after client-go's workqueue metrics. Times in milliseconds. */
export interface QueueObserver {
  added(): void;
  retried(): void;
  /** It was handed to a worker, so long after it was added. */
  started(waitedMs: number): void;
  finished(workedMs: number): void;
  /** How many wait, delayed ones not counted; how many are at work. */
  depth(waiting: number, working: number): void;
}

/** Time as the queue sees it; a clock that jumps must not matter, so `nowMs` is monotonic. */
export interface QueueClock {
  nowMs(): number;
  /** Gives what cancels it. */
  after(ms: number, run: () => void): () => void;
}

export interface WorkQueueOptions {
  /** The lane (a host) that a key is served in; asked when it is handed out. */
  laneOf(key: string): string;
  /** At work at once, over all and in one lane. */
  concurrency: { total: number; perLane: number };
  backoff: { firstMs: number; mostMs: number };
  /** At least 0 and below 1: a back-off of d is between d/2 and d. */
  random(): number;
  clock: QueueClock;
  observer?: QueueObserver;
  /** Does the work on one key; what it throws is a bug, which is told to `onCrash` and retried. */
  work(key: string): Promise<void>;
  onCrash(key: string, error: unknown): void;
}

/**
 * Which instances are to be reconciled, after client-go's workqueue: a key that is added while it waits is there once; one
 * that is added while it is worked on is worked on once more afterwards; no key is worked on twice at once.
 */
export interface WorkQueue {
  add(key: string): void;
  /** Adds it later; of several, the soonest holds. An `add` meanwhile does not cancel it. */
  addAfter(key: string, ms: number): void;
  /**
   * Adds it after its back-off, which doubles with each call until `forget`. Gives the wait in milliseconds; of several, the
   * last holds. For a key that was removed while at work and not added since, it does nothing.
   */
  retry(key: string): number;
  /** The next retry starts from the first back-off again, and a retry that waits is dropped. */
  forget(key: string): void;
  /** It is no more: dropped wherever it waits, its failures forgotten. Work on it comes to its end and is not done again. */
  remove(key: string): void;
  reconfigure(concurrency: { total: number; perLane: number }): void;
  isWorking(key: string): boolean;
  /** How many wait, how many are at work, how many are delayed. */
  size(): { waiting: number; working: number; delayed: number };
  /** Starts nothing more and drops all that waits, also what is added later; resolves when nothing is at work. */
  drain(): Promise<void>;
}
