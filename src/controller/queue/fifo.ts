interface Link<T> {
  item: T;
  before: Link<T> | undefined;
  after: Link<T> | undefined;
}

/** First in, first out, each item once; every step takes the same time, also taking one out of the middle. */
export interface Fifo<T> {
  /** To the end; one that is there keeps its place. */
  add(item: T): void;
  shift(): T | undefined;
  delete(item: T): void;
  size(): number;
}

/** An empty one. A linked list: a Set would be searched from its start for each item that is taken. */
export function createFifo<T>(): Fifo<T> {
  const links = new Map<T, Link<T>>();
  let first: Link<T> | undefined;
  let last: Link<T> | undefined;

  function add(item: T): void {
    if (links.has(item)) return;
    const link: Link<T> = { item, before: last, after: undefined };
    if (last) last.after = link;
    else first = link;
    last = link;
    links.set(item, link);
  }

  function remove(item: T): void {
    const link = links.get(item);
    if (!link) return;
    if (link.before) link.before.after = link.after;
    else first = link.after;
    if (link.after) link.after.before = link.before;
    else last = link.before;
    links.delete(item);
  }

  function shift(): T | undefined {
    const item = first?.item;
    if (item !== undefined) remove(item);
    return item;
  }

  return { add, shift, delete: remove, size: () => links.size };
}
