/** Which keys want work and which are at work, after the two sets of client-go's workqueue. */
export interface KeySets {
  /** Says whether it did not want work before. */
  want(key: string, nowMs: number): boolean;
  /** It goes to work. Gives since when it wanted it. */
  begin(key: string): number;
  /** Its work has ended. Says whether it wants work again. */
  end(key: string): boolean;
  /** It wants no work any more, and a retry of the work that it is at is of no use. */
  remove(key: string): void;
  /** Nothing wants work any more. */
  clear(): void;
  isWorking(key: string): boolean;
  /** Whether it was removed while at work, and not wanted since. */
  isRemoved(key: string): boolean;
}

export function createKeySets(): KeySets {
  /** What wants work, and since when. Each waits in a lane exactly when it is not in `working`. */
  const dirty = new Map<string, number>();
  /** What is at work. It is in no lane; if it is in `dirty`, it goes to its lane when the work ends. */
  const working = new Set<string>();
  /** A part of `working`, with no key in common with `dirty`. */
  const removed = new Set<string>();

  return {
    want: (key, nowMs) => {
      removed.delete(key);
      if (dirty.has(key)) return false;
      dirty.set(key, nowMs);
      return true;
    },
    begin: (key) => {
      const sinceMs = dirty.get(key) as number;
      dirty.delete(key);
      working.add(key);
      return sinceMs;
    },
    end: (key) => {
      working.delete(key);
      removed.delete(key);
      return dirty.has(key);
    },
    remove: (key) => {
      dirty.delete(key);
      if (working.has(key)) removed.add(key);
    },
    clear: () => dirty.clear(),
    isWorking: (key) => working.has(key),
    isRemoved: (key) => removed.has(key),
  };
}
