import { createDueHeap, type Due } from './due-heap.js';
import type { QueueClock } from './work-queue.js';

/** A key can wait for both at once: what becomes of its retry is no matter of its plain delay. */
export type DelayKind = 'plain' | 'retry';

export interface Delays {
  /** Of several plain ones the soonest holds; of several retries the last. */
  set(kind: DelayKind, key: string, ms: number): void;
  drop(kind: DelayKind, key: string): void;
  clear(): void;
  /** How many keys wait, those that wait for both counted once. */
  size(): number;
}

interface Entry extends Due {
  kind: DelayKind;
  key: string;
}

/** Keys that are due later, with one timer for the soonest. `onDue` is never called early, and in the order of dues. */
export function createDelays(clock: QueueClock, onDue: (key: string) => void): Delays {
  const heap = createDueHeap<Entry>();
  /** Every entry of the heap, by its key and kind; no key is here without one. */
  const byKey = new Map<string, Partial<Record<DelayKind, Entry>>>();
  let turn = 0;
  /** The one timer. It is due no later than the first of the heap, and is there exactly when that is. */
  let timer: { dueMs: number; cancel: () => void } | undefined;

  function arm(): void {
    const first = heap.first();
    if (first && timer && timer.dueMs <= first.dueMs) return;
    timer?.cancel();
    timer = first && { dueMs: first.dueMs, cancel: clock.after(Math.max(0, first.dueMs - clock.nowMs()), ring) };
  }

  function ring(): void {
    timer = undefined;
    const now = clock.nowMs();
    for (let first = heap.first(); first && first.dueMs <= now; first = heap.first()) {
      take(first);
      onDue(first.key);
    }
    arm();
  }

  function take(entry: Entry): void {
    heap.remove(entry);
    const kinds = byKey.get(entry.key);
    if (kinds) delete kinds[entry.kind];
    if (kinds && !kinds.plain && !kinds.retry) byKey.delete(entry.key);
  }

  function set(kind: DelayKind, key: string, ms: number): void {
    const dueMs = clock.nowMs() + ms;
    const old = byKey.get(key)?.[kind];
    if (old && kind === 'plain' && old.dueMs <= dueMs) return;
    if (old) take(old);
    turn += 1;
    const entry: Entry = { kind, key, dueMs, turn, place: 0 };
    heap.push(entry);
    byKey.set(key, { ...byKey.get(key), [kind]: entry });
    arm();
  }

  function drop(kind: DelayKind, key: string): void {
    const entry = byKey.get(key)?.[kind];
    if (!entry) return;
    take(entry);
    arm();
  }

  function clear(): void {
    heap.clear();
    byKey.clear();
    arm();
  }

  return { set, drop, clear, size: () => byKey.size };
}
