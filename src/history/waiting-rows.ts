import type { AcceptedRevision, Decision, HistoryBatch, Upgrade } from './history-store.js';
import type { InstanceStatus } from './instance-status.js';

type Row =
  | { kind: 'upgrade'; row: Upgrade }
  | { kind: 'status'; row: InstanceStatus }
  | { kind: 'forgotten'; row: string }
  | { kind: 'decision'; row: Decision }
  | { kind: 'accepted'; row: AcceptedRevision };

/** Told once the row is on the disk, or that it never will be. */
type OnEnd = (isWritten: boolean) => void;

type Waiting = Row & { onEnd: readonly OnEnd[] };

/** How many rows may wait at most. */
export interface WaitingLimits {
  decisions: number;
  upgrades: number;
}

/** Some of what waits: to be removed once it has been written. */
export interface Portion {
  batch: HistoryBatch;
  rows: ReadonlyMap<string, Waiting>;
}

/**
 * What is to be written, in the order in which it is written. Above its limits the oldest go: decisions, and upgrades that have
 * ended. Never one that is being written, nor the end of an upgrade whose beginning is on the disk: it would run for ever there.
 */
export interface WaitingRows {
  add(row: Row, onEnd?: OnEnd): void;
  /** What waits now in portions of at most `size` rows; each is looked up when it is taken, so that it holds the newest rows. */
  portions(size: number): Generator<Portion>;
  /** They have been written. What took their place meanwhile stays. */
  remove(portion: Portion): void;
  /** Nothing waits, and nothing is left to say of what was dropped. */
  isEmpty(): boolean;
  /** Upgrades and decisions. */
  count(): number;
  /** How many were dropped since this was last asked. */
  takeLost(): WaitingLimits;
}

export function createWaitingRows(limits: WaitingLimits): WaitingRows {
  const maps = createMaps();
  const { upgrades, decisions } = maps;
  /** Upgrades that run, as far as the disk knows. */
  const begun = new Set<string>();
  const writing = new Set<string>();
  let lost: WaitingLimits = { decisions: 0, upgrades: 0 };

  /** The oldest that can go; none where there is none. */
  function drop(rows: Map<string, Waiting>): number {
    for (const [key, waiting] of rows) {
      if (writing.has(key) || begun.has(key)) continue;
      if (isRunning(waiting)) continue;
      rows.delete(key);
      for (const tell of waiting.onEnd) tell(false);
      return 1;
    }
    return 0;
  }

  return {
    add(row, onEnd) {
      const [rows, key] = maps.placeOf(row);
      // Whoever waits for the row that was there waits for the one that takes its place.
      rows.set(key, { ...row, onEnd: [...(rows.get(key)?.onEnd ?? []), ...(onEnd ? [onEnd] : [])] });
      if (decisions.size > limits.decisions) lost.decisions += drop(decisions);
      if (upgrades.size > limits.upgrades) lost.upgrades += drop(upgrades);
    },
    portions: (size) => portionsOf(maps.all, size, writing),
    remove({ rows }) {
      for (const [key, waiting] of rows) {
        maps.all.find((one) => one.get(key) === waiting)?.delete(key);
        if (isRunning(waiting)) begun.add(key);
        else begun.delete(key);
        for (const tell of waiting.onEnd) tell(true);
      }
    },
    isEmpty: () => maps.all.every((map) => map.size === 0) && lost.decisions + lost.upgrades === 0,
    count: () => upgrades.size + decisions.size,
    takeLost() {
      const taken = lost;
      lost = { decisions: 0, upgrades: 0 };
      return taken;
    },
  };
}

function isRunning(waiting: Row): boolean {
  return waiting.kind === 'upgrade' && waiting.row.result === 'running';
}

function createMaps() {
  // Upgrades first, as somebody may wait for them. Accepted revisions last: who sees one sees all statuses that go with it.
  const upgrades = new Map<string, Waiting>();
  // A status and the wish to forget it have the same key: the later one holds.
  const statuses = new Map<string, Waiting>();
  const decisions = new Map<string, Waiting>();
  const accepted = new Map<string, Waiting>();
  let lastKey = 0;

  function placeOf(row: Row): [Map<string, Waiting>, string] {
    if (row.kind === 'upgrade') return [upgrades, `upgrade ${row.row.id}`];
    if (row.kind === 'status') return [statuses, `status ${row.row.slug}`];
    if (row.kind === 'forgotten') return [statuses, `status ${row.row}`];
    lastKey += 1;
    return [row.kind === 'decision' ? decisions : accepted, `${row.kind} ${lastKey}`];
  }

  return { upgrades, decisions, all: [upgrades, statuses, decisions, accepted], placeOf };
}

/** @param writing holds the keys of a portion from when it is taken until the next one is, or no more are */
function* portionsOf(maps: readonly Map<string, Waiting>[], size: number, writing: Set<string>): Generator<Portion> {
  const keys = maps.flatMap((map) => [...map.keys()].map((key) => ({ map, key })));
  try {
    for (let from = 0; from < keys.length; from += size) {
      const rows = new Map<string, Waiting>();
      for (const { map, key } of keys.slice(from, from + size)) {
        const waiting = map.get(key);
        if (waiting) rows.set(key, waiting);
      }
      writing.clear();
      for (const key of rows.keys()) writing.add(key);
      yield { rows, batch: toBatch([...rows.values()]) };
    }
  } finally {
    writing.clear();
  }
}

function toBatch(rows: readonly Row[]): HistoryBatch {
  return {
    upgrades: rows.flatMap((one) => (one.kind === 'upgrade' ? [one.row] : [])),
    statuses: rows.flatMap((one) => (one.kind === 'status' ? [one.row] : [])),
    forgotten: rows.flatMap((one) => (one.kind === 'forgotten' ? [one.row] : [])),
    decisions: rows.flatMap((one) => (one.kind === 'decision' ? [one.row] : [])),
    accepted: rows.flatMap((one) => (one.kind === 'accepted' ? [one.row] : [])),
  };
}
