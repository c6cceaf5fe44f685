import type { AcceptedRevision, Decision, HistoryBatch, Upgrade } from './history-store.js';
import type { InstanceStatus } from './instance-status.js';

type Row =
  | { kind: 'upgrade'; row: Upgrade }
  | { kind: 'status'; row: InstanceStatus }
  | { kind: 'forgotten'; row: string }
  | { kind: 'decision'; row: Decision }
  | { kind: 'accepted'; row: AcceptedRevision };

type Waiting = Row & { onWritten: readonly (() => void)[] };

/** Some of what waits: to be removed once it has been written. */
export interface Portion {
  batch: HistoryBatch;
  rows: ReadonlyMap<string, Waiting>;
}

/** What is to be written, in the order in which it is written. It keeps all but the oldest decisions above `maxDecisions`. */
export interface WaitingRows {
  add(row: Row, onWritten?: () => void): void;
  /** What waits now in portions of at most `size` rows; each is looked up when it is taken, so that it holds the newest rows. */
  portions(size: number): Generator<Portion>;
  /** They have been written. What took their place meanwhile stays. */
  remove(portion: Portion): void;
  isEmpty(): boolean;
  /** Upgrades and decisions. */
  count(): number;
  /** How many decisions were dropped since this was last asked. */
  takeLost(): number;
}

export function createWaitingRows(maxDecisions: number): WaitingRows {
  // Upgrades first, as somebody may wait for them. Accepted revisions last: who sees one sees all statuses that go with it.
  const upgrades = new Map<string, Waiting>();
  // A status and the wish to forget it have the same key: the later one holds.
  const statuses = new Map<string, Waiting>();
  const decisions = new Map<string, Waiting>();
  const accepted = new Map<string, Waiting>();
  const maps = [upgrades, statuses, decisions, accepted];
  let lastKey = 0;
  let lost = 0;

  const place = (row: Row): [Map<string, Waiting>, string] => {
    if (row.kind === 'upgrade') return [upgrades, `upgrade ${row.row.id}`];
    if (row.kind === 'status') return [statuses, `status ${row.row.slug}`];
    if (row.kind === 'forgotten') return [statuses, `status ${row.row}`];
    lastKey += 1;
    return [row.kind === 'decision' ? decisions : accepted, `${row.kind} ${lastKey}`];
  };

  return {
    add(row, onWritten) {
      const [map, key] = place(row);
      // Whoever waits for the row that was there waits for the one that takes its place.
      map.set(key, { ...row, onWritten: [...(map.get(key)?.onWritten ?? []), ...(onWritten ? [onWritten] : [])] });
      if (decisions.size <= maxDecisions) return;
      decisions.delete(decisions.keys().next().value as string);
      lost += 1;
    },
    portions: (size) => portionsOf(maps, size),
    remove({ rows }) {
      for (const [key, waiting] of rows) {
        const map = maps.find((one) => one.get(key) === waiting);
        map?.delete(key);
        for (const tell of waiting.onWritten) tell();
      }
    },
    isEmpty: () => maps.every((map) => map.size === 0),
    count: () => upgrades.size + decisions.size,
    takeLost() {
      const taken = lost;
      lost = 0;
      return taken;
    },
  };
}

function* portionsOf(maps: readonly Map<string, Waiting>[], size: number): Generator<Portion> {
  const keys = maps.flatMap((map) => [...map.keys()].map((key) => ({ map, key })));
  for (let from = 0; from < keys.length; from += size) {
    const rows = new Map<string, Waiting>();
    for (const { map, key } of keys.slice(from, from + size)) {
      const waiting = map.get(key);
      if (waiting) rows.set(key, waiting);
    }
    yield { rows, batch: toBatch([...rows.values()]) };
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
