export interface Due {
  dueMs: number;
  /** Of two that are due at once the one with the lower number is first. */
  turn: number;
  /** Where it stands in the heap, kept by the heap: every entry of `entries` stands at its own `place`. */
  place: number;
}

/** What is due soonest, first. Adding one and removing any takes as many steps as there are doublings of the size. */
export interface DueHeap<T extends Due> {
  push(entry: T): void;
  /** It must be in the heap. */
  remove(entry: T): void;
  first(): T | undefined;
  clear(): void;
}

/** An empty binary heap. */
export function createDueHeap<T extends Due>(): DueHeap<T> {
  const entries: T[] = [];

  function set(entry: T, place: number): void {
    entries[place] = entry;
    entry.place = place;
  }

  function rise(entry: T): void {
    let place = entry.place;
    while (place > 0) {
      const above = entries[(place - 1) >> 1] as T;
      if (!isBefore(entry, above)) break;
      const free = above.place;
      set(above, place);
      place = free;
    }
    set(entry, place);
  }

  function sink(entry: T): void {
    let place = entry.place;
    for (;;) {
      const left = entries[2 * place + 1];
      const right = entries[2 * place + 2];
      const below = right && left && isBefore(right, left) ? right : left;
      if (!below || !isBefore(below, entry)) break;
      const free = below.place;
      set(below, place);
      place = free;
    }
    set(entry, place);
  }

  function push(entry: T): void {
    set(entry, entries.length);
    rise(entry);
  }

  function remove(entry: T): void {
    const last = entries.pop();
    if (!last || last === entry) return;
    set(last, entry.place);
    rise(last);
    sink(last);
  }

  function clear(): void {
    entries.length = 0;
  }

  return { push, remove, first: () => entries[0], clear };
}

function isBefore(a: Due, b: Due): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.turn < b.turn);
}
