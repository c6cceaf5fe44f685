import { createBackoff } from './backoff.js';
import { createDelays } from './delays.js';
import { createKeySets } from './key-sets.js';
import { createLanes } from './lanes.js';
import type { WorkQueue, WorkQueueOptions } from './work-queue.js';

/**
 * A queue that starts work by itself, never inside the call that adds it: as many at once as `concurrency` allows, lanes in
 * turn, keys of a lane in the order in which they came. Nothing of it throws but what `laneOf` throws.
 */
export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { clock, observer } = options;
  const keys = createKeySets();
  const lanes = createLanes(options.laneOf, options.concurrency);
  const backoff = createBackoff(options.backoff, options.random);
  const delays = createDelays(clock, add);
  const pump = onceSoon(startWhatMay);
  let draining = false;
  /** Who waits for the end of all work; empty unless `draining`. */
  const drained: (() => void)[] = [];

  function add(key: string): void {
    if (draining) return;
    if (keys.want(key, clock.nowMs())) observer?.added();
    if (!keys.isWorking(key)) lanes.put(key);
    pump();
  }

  function addAfter(key: string, ms: number): void {
    if (!(ms > 0)) add(key);
    else if (!draining) delays.set('plain', key, ms);
  }

  function retry(key: string): number {
    const wait = backoff.next(key);
    if (keys.isRemoved(key)) backoff.forget(key);
    else if (!draining) {
      delays.set('retry', key, wait);
      observer?.retried();
    }
    return wait;
  }

  function forget(key: string): void {
    backoff.forget(key);
    delays.drop('retry', key);
  }

  function remove(key: string): void {
    forget(key);
    delays.drop('plain', key);
    keys.remove(key);
    lanes.drop(key);
    pump();
  }

  function startWhatMay(): void {
    for (let next = draining ? undefined : lanes.take(); next; next = lanes.take()) void run(next.key, next.lane);
    observer?.depth(lanes.waiting(), lanes.working());
    if (draining && lanes.working() === 0) for (const resolve of drained.splice(0)) resolve();
  }

  async function run(key: string, lane: string): Promise<void> {
    const startedMs = clock.nowMs();
    const sinceMs = keys.begin(key);
    observer?.started(startedMs - sinceMs);
    try {
      await options.work(key);
    } catch (error) {
      retry(key);
      options.onCrash(key, error);
    } finally {
      observer?.finished(clock.nowMs() - startedMs);
      lanes.free(lane);
      if (keys.end(key)) lanes.put(key);
      pump();
    }
  }

  function drain(): Promise<void> {
    draining = true;
    delays.clear();
    keys.clear();
    lanes.clear();
    pump();
    return new Promise((resolve) => drained.push(resolve));
  }

  return {
    add,
    addAfter,
    retry,
    forget,
    remove,
    reconfigure: (concurrency) => {
      lanes.reconfigure(concurrency);
      pump();
    },
    isWorking: keys.isWorking,
    size: () => ({ waiting: lanes.waiting(), working: lanes.working(), delayed: delays.size() }),
    drain,
  };
}

/** However often it is asked for, it is run once, after what is running now. */
function onceSoon(run: () => void): () => void {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    queueMicrotask(() => {
      asked = false;
      run();
    });
  };
}
