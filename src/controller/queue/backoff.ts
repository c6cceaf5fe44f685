export interface Backoff {
  /** The next wait of this key in milliseconds. */
  next(key: string): number;
  forget(key: string): void;
}

/**
 * Waits that double from `firstMs` to `mostMs` at each call for a key until it is forgotten; each is between half of that
 * and all of it, so that instances that failed together do not come back together.
 */
export function createBackoff(limits: { firstMs: number; mostMs: number }, random: () => number): Backoff {
  const failures = new Map<string, number>();

  function next(key: string): number {
    const before = failures.get(key) ?? 0;
    failures.set(key, before + 1);
    const full = Math.min(limits.mostMs, limits.firstMs * 2 ** Math.min(before, MOST_DOUBLINGS));
    return full / 2 + (random() * full) / 2;
  }

  return { next, forget: (key) => failures.delete(key) };
}

/** More than any wait needs, and too few for the number to become infinite. */
const MOST_DOUBLINGS = 60;
