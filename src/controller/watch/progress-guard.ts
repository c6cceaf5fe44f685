import { createHash } from 'node:crypto';
import { FlotillaError } from '../../errors.js';
import type { Plan } from '../../plan/plan.js';

/** How often the same plan may be left over right after it was applied with success. */
const MOST_REPEATS = 2;

/**
 * Notices applies that do not help: planning right after a successful apply gives an empty plan, so the same plan again means
 * that something undoes it (another program, a container that never keeps what it is given).
 */
export interface ProgressGuard {
  /** @throws FlotillaError NoProgress when it has been applied with success often enough without an end */
  beforeApply(plan: Plan): void;
  /** The plan that `beforeApply` saw last was applied and verified. */
  applied(): void;
  /** Nothing was left to do, or something else is desired now. */
  settled(): void;
}

export function createProgressGuard(): ProgressGuard {
  let last: string | null = null;
  let repeats = 0;
  let current = '';
  return {
    beforeApply(plan) {
      current = fingerprint(plan);
      if (current !== last) repeats = 0;
      if (repeats < MOST_REPEATS) return;
      const what = plan.operations.map(({ kind }) => kind).join(', ');
      throw new FlotillaError(
        'NoProgress',
        `applied ${repeats} times with success, and the same plan is left over: ${what}`,
        {
          hint: 'something on the host undoes it: look at what writes these files or stops these containers, then commit a change or restart the daemon',
        },
      );
    },
    applied() {
      repeats = current === last ? repeats + 1 : 1;
      last = current;
    },
    settled() {
      last = null;
      repeats = 0;
    },
  };
}

/** What it does, not why: causes tell of times and numbers of attempts. */
function fingerprint({ digest, operations }: Plan): string {
  const bare = operations.map(({ cause: _, ...operation }) => operation);
  return createHash('sha256')
    .update(JSON.stringify([digest, bare]))
    .digest('hex');
}
