import type { Upgrade } from '../../history/history-store.js';

/** How long an apply was in each phase, by what it reports: a host gives its own times only with success. */
export interface PhaseTimes {
  /** It is in this phase, perhaps for longer already. */
  heard(phase: string): void;
  /** In order, the last one until now. One that comes again, as in the rollback that follows a failure, is there twice. */
  untilNow(): Upgrade['phases'];
}

/** @param nowMs monotonic */
export function createPhaseTimes(nowMs: () => number): PhaseTimes {
  const begun: { phase: string; atMs: number }[] = [];
  return {
    heard(phase) {
      if (begun.at(-1)?.phase !== phase) begun.push({ phase, atMs: nowMs() });
    },
    untilNow() {
      const endMs = nowMs();
      return begun.map(({ phase, atMs }, i) => ({
        phase,
        durationMs: Math.round((begun[i + 1]?.atMs ?? endMs) - atMs),
      }));
    },
  };
}
