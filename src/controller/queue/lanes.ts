import { createFifo, type Fifo } from './fifo.js';

export interface Concurrency {
  total: number;
  perLane: number;
}

/** Keys that wait, in the order in which they came to their lane, and how many of each lane are at work. */
export interface Lanes {
  /** To the end of its lane; one that waits keeps its place, unless its lane has become another. */
  put(key: string): void;
  drop(key: string): void;
  /** Drops all that wait. */
  clear(): void;
  /** The next key that may start, with a slot of its lane; undefined when there is none. */
  take(): { key: string; lane: string } | undefined;
  /** Gives a slot back. */
  free(lane: string): void;
  reconfigure(concurrency: Concurrency): void;
  waiting(): number;
  working(): number;
}

interface Line {
  keys: Fifo<string>;
  working: number;
}

/**
 * Lanes that take turns: one with a key and a free slot stands at the end of those that are ready, so each other lane
 * starts at most one key before it does. A full lane is not ready and so is in nobody's way.
 */
export function createLanes(laneOf: (key: string) => string, concurrency: Concurrency): Lanes {
  let limits = concurrency;
  let working = 0;
  /** Those with a key that waits or is at work, and no others. */
  const lines = new Map<string, Line>();
  /** The lane in which a key waits: it is in `keys` of that line, and of no other. */
  const places = new Map<string, string>();
  /** The lanes with a key that waits and a slot that is free, all of them and no others. */
  const ready = createFifo<string>();

  function settle(lane: string, line: Line): void {
    if (line.keys.size() > 0 && line.working < limits.perLane) ready.add(lane);
    else ready.delete(lane);
    if (line.keys.size() === 0 && line.working === 0) lines.delete(lane);
  }

  function put(key: string): void {
    const lane = laneOf(key);
    if (places.get(key) === lane) return;
    drop(key);
    const line = lines.get(lane) ?? { keys: createFifo<string>(), working: 0 };
    lines.set(lane, line);
    line.keys.add(key);
    places.set(key, lane);
    settle(lane, line);
  }

  function drop(key: string): void {
    const lane = places.get(key);
    const line = lane === undefined ? undefined : lines.get(lane);
    if (lane === undefined || !line) return;
    places.delete(key);
    line.keys.delete(key);
    settle(lane, line);
  }

  function take(): { key: string; lane: string } | undefined {
    while (working < limits.total) {
      const lane = ready.shift();
      const line = lane === undefined ? undefined : lines.get(lane);
      const key = line?.keys.shift();
      if (lane === undefined || !line || key === undefined) return undefined;
      places.delete(key);
      const stays = laneOf(key) === lane;
      if (stays) {
        line.working += 1;
        working += 1;
      } else put(key);
      settle(lane, line);
      if (stays) return { key, lane };
    }
    return undefined;
  }

  function free(lane: string): void {
    const line = lines.get(lane);
    if (!line) return;
    line.working -= 1;
    working -= 1;
    settle(lane, line);
  }

  function reconfigure(next: Concurrency): void {
    limits = next;
    for (const [lane, line] of lines) settle(lane, line);
  }

  function clear(): void {
    for (const key of [...places.keys()]) drop(key);
  }

  return { put, drop, clear, take, free, reconfigure, waiting: () => places.size, working: () => working };
}
