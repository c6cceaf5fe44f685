import { lstatSync } from 'node:fs';
import type { ObservedTenant } from '../plan/observed.js';

/** How many observations are kept; each is about 4 KiB for an instance of a few files and services. */
const MAX_ENTRIES = 20_000;

/** Timestamps come from a clock with ticks: what is younger than this could change again without its stamp changing. */
const SETTLED_MS = 2000;

/** Of a path: what differs once it, or for a directory the list of what is in it, has been changed. */
export interface Stamp {
  path: string;
  /** null when there is no such path. */
  ino: bigint | null;
  ctimeNs: bigint;
}

export interface Remembered {
  observed: ObservedTenant;
  /** The directory without symbolic links. */
  real: string;
  /** What containers were like. */
  containers: string;
  stamps: readonly Stamp[];
  /** Of its lock file, as `lockInode` gives it. */
  lock: string | null;
}

/** Observations and what they were made from, so that a tenant that nobody touched costs one lstat a path. */
export interface ObservationMemory {
  /** What was seen last, where none of its paths has changed since; containers are for the caller to compare. */
  recall(key: string): Remembered | undefined;
  /** `stamps` were taken before anything was read; what was changed just now is not kept. */
  keep(key: string, entry: Remembered): void;
}

export function createObservationMemory(now: () => number = Date.now): ObservationMemory {
  const known = new Map<string, Remembered>();
  return {
    recall(key) {
      const entry = known.get(key);
      if (entry === undefined || entry.stamps.every(holds)) return entry;
      known.delete(key);
      return undefined;
    },
    keep(key, entry) {
      const settled = BigInt(now() - SETTLED_MS) * 1_000_000n;
      if (entry.stamps.some(({ ctimeNs }) => ctimeNs > settled)) return;
      known.set(key, entry);
      if (known.size > MAX_ENTRIES) known.delete(known.keys().next().value as string);
    },
  };
}

export function takeStamp(path: string): Stamp {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stat ? { path, ino: stat.ino, ctimeNs: stat.ctimeNs } : { path, ino: null, ctimeNs: 0n };
}

/** Contents, mode, owner, name: whatever of a file changes, its ctime does. */
function holds({ path, ino, ctimeNs }: Stamp): boolean {
  const now = takeStamp(path);
  return now.ino === ino && now.ctimeNs === ctimeNs;
}
