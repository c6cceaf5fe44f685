export interface RecentMap<V> {
  get(key: string): V | undefined;
  set(key: string, value: V): void;
  readonly size: number;
}

/** A map that keeps `most` entries, those that were asked for or set last. Until it is full, asking costs what a Map does. */
export function createRecentMap<V>(most: number): RecentMap<V> {
  /** In the order of their last use, from when on it is full; before, that matters to nobody. */
  const entries = new Map<string, V>();
  const renew = (key: string, value: V) => {
    entries.delete(key);
    entries.set(key, value);
  };
  return {
    get(key) {
      const value = entries.get(key);
      if (value !== undefined && entries.size >= most) renew(key, value);
      return value;
    },
    set(key, value) {
      if (entries.size < most) {
        entries.set(key, value);
        return;
      }
      renew(key, value);
      for (const oldest of entries.keys()) {
        if (entries.size <= most) return;
        entries.delete(oldest);
      }
    },
    get size() {
      return entries.size;
    },
  };
}
