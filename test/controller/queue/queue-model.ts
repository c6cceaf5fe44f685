import type { Concurrency } from '../../../src/controller/queue/lanes.js';

const laneOf = (key: string): string => key.split('/')[0] as string;

interface Delay {
  kind: 'plain' | 'retry';
  key: string;
  dueMs: number;
}

/** A queue as one would write it down without a thought for speed: it starts nothing, and judges what is started. */
export function createQueueModel(
  concurrency: Concurrency,
  backoff: { firstMs: number; mostMs: number },
  nowMs: () => number,
) {
  let limits = concurrency;
  /** In the order in which they came. */
  let wanted: string[] = [];
  let delays: Delay[] = [];
  const working = new Set<string>();
  const removed = new Set<string>();
  const failures = new Map<string, number>();
  /** By lane, how often each other lane started a key while this one could have. */
  const passed = new Map<string, Map<string, number>>();
  const faults: string[] = [];

  const waiting = () => wanted.filter((key) => !working.has(key));
  const isFull = (lane: string) => [...working].filter((key) => laneOf(key) === lane).length >= limits.perLane;
  const ready = () =>
    new Set(
      waiting()
        .map(laneOf)
        .filter((lane) => !isFull(lane)),
    );
  const without = (kind: Delay['kind'], key: string) => delays.filter((one) => one.kind !== kind || one.key !== key);

  function add(key: string): void {
    removed.delete(key);
    if (!wanted.includes(key)) wanted.push(key);
  }

  function ring(): void {
    const due = delays.filter(({ dueMs }) => dueMs <= nowMs()).sort((a, b) => a.dueMs - b.dueMs);
    delays = delays.filter((one) => !due.includes(one));
    for (const { key } of due) add(key);
  }

  /** Lanes that cannot start anything now are passed over by nobody. */
  function refresh(): void {
    for (const lane of passed.keys()) if (!ready().has(lane)) passed.delete(lane);
  }

  function start(key: string): void {
    ring();
    const lane = laneOf(key);
    if (!wanted.includes(key)) faults.push(`${key} is started, and nobody wants it`);
    if (working.has(key)) faults.push(`${key} is worked on twice at once`);
    if (working.size >= limits.total) faults.push(`${key} is one too many`);
    if (isFull(lane)) faults.push(`${key} is one too many in its lane`);
    const first = waiting().find((one) => laneOf(one) === lane);
    if (first !== key) faults.push(`${key} is started before ${first}`);
    for (const other of ready()) {
      if (other === lane) continue;
      const counts = passed.get(other) ?? new Map<string, number>();
      passed.set(other, counts.set(lane, (counts.get(lane) ?? 0) + 1));
      if ((counts.get(lane) ?? 0) > 1) faults.push(`lane ${lane} is served twice while ${other} is ready`);
    }
    passed.delete(lane);
    wanted = wanted.filter((one) => one !== key);
    working.add(key);
    refresh();
  }

  function retry(key: string, wait: number): void {
    const before = failures.get(key) ?? 0;
    const most = Math.min(backoff.mostMs, backoff.firstMs * 2 ** before);
    if (wait < most / 2 || wait > most) faults.push(`failure ${before + 1} waits ${wait} of ${most}`);
    if (removed.has(key)) return;
    failures.set(key, before + 1);
    delays = [...without('retry', key), { kind: 'retry', key, dueMs: nowMs() + wait }];
  }

  return {
    faults,
    add: (key: string) => {
      ring();
      add(key);
    },
    start,
    retry,
    addAfter: (key: string, ms: number) => {
      if (ms === 0) return add(key);
      const dueMs = nowMs() + ms;
      if (delays.some((one) => one.kind === 'plain' && one.key === key && one.dueMs <= dueMs)) return;
      delays = [...without('plain', key), { kind: 'plain', key, dueMs }];
    },
    forget: (key: string) => {
      failures.delete(key);
      delays = without('retry', key);
    },
    remove: (key: string) => {
      ring();
      failures.delete(key);
      delays = delays.filter((one) => one.key !== key);
      wanted = wanted.filter((one) => one !== key);
      if (working.has(key)) removed.add(key);
      refresh();
    },
    finish: (key: string) => {
      ring();
      working.delete(key);
      removed.delete(key);
      // Its work ends before it waits again, behind those that came meanwhile.
      if (wanted.includes(key)) wanted = [...wanted.filter((one) => one !== key), key];
      refresh();
    },
    reconfigure: (next: Concurrency) => {
      limits = next;
      refresh();
    },
    size: () => {
      ring();
      const delayed = new Set(delays.map(({ key }) => key)).size;
      return { waiting: waiting().length, working: working.size, delayed };
    },
    /** Lanes that have a key that waits and could be started. */
    mayStart: () => (working.size < limits.total ? [...ready()] : []),
  };
}
