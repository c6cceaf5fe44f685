import { createHash } from 'node:crypto';
import { FlotillaError } from '../../errors.js';
import type { Plan } from '../../plan/plan.js';

/** How often the same plan may be left over right after it was applied with success. */
const MOST_REPEATS = 2;
/** How often the same plan may be applied with success within a while, though all was in order in between. */
const MOST_RETURNS = 10;
const WHILE_MS = 10 * 60_000;

/**
 * Notices applies that do not help: planning right after a successful apply gives an empty plan, so the same plan again means
 * that something undoes it (another program, a container that never keeps what it is given). Times are monotonic.
 */
export interface ProgressGuard {
  /** @throws FlotillaError NoProgress when it has been applied with success often enough without an end */
  beforeApply(plan: Plan, nowMs: number): void;
  /** The plan that `beforeApply` saw last was applied and verified. */
  applied(nowMs: number): void;
  /** Nothing was left to do. */
  settled(): void;
  /** Something else is desired. */
  reset(): void;
}

export function createProgressGuard(): ProgressGuard {
  let current = '';
  /** Of the last plan that was applied. */
  let last: string | null = null;
  /** How often in a row it was applied, and nothing was settled in between. */
  let repeats = 0;
  /** When it was applied, each time. */
  let times: number[] = [];

  return {
    beforeApply(plan, nowMs) {
      current = fingerprint(plan);
      if (current !== last) return;
      times = times.filter((at) => nowMs - at < WHILE_MS);
      if (repeats >= MOST_REPEATS) throw noProgress(plan, `applied ${repeats} times with success, and is left over`);
      if (times.length >= MOST_RETURNS) throw noProgress(plan, `applied ${times.length} times in ten minutes`);
    },
    applied(nowMs) {
      const isSame = current === last;
      repeats = isSame ? repeats + 1 : 1;
      times = isSame ? [...times, nowMs] : [nowMs];
      last = current;
    },
    settled() {
      repeats = 0;
    },
    reset() {
      last = null;
      repeats = 0;
      times = [];
    },
  };
}

function noProgress({ operations }: Plan, how: string): FlotillaError {
  const what = [...new Set(operations.map(({ kind }) => kind))].join(', ');
  return new FlotillaError('NoProgress', `the same plan was ${how}: ${what}`, {
    hint: 'something on the host undoes it: look at what writes these files or stops these containers; then commit a change, or run flotilla reconcile',
  });
}

/** What it does, not why: causes tell of times and numbers of attempts. */
function fingerprint({ digest, operations }: Plan): string {
  const bare = operations.map(({ cause: _, ...operation }) => operation);
  return createHash('sha256')
    .update(JSON.stringify([digest, bare]))
    .digest('hex');
}
