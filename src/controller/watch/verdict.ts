import type { ReconcileItem } from '../report.js';

/** What the queue does with an instance after a pass. */
export type Next =
  /** Nothing until an event, new desired state or the next resync. */
  | { kind: 'done' }
  /** Something else is desired by now. */
  | { kind: 'again' }
  /** Look once more, soon, together with others of its host: after an apply nothing must be left to do. */
  | { kind: 'look' }
  /** A failure, or somebody in the way: after a back-off that grows. */
  | { kind: 'retry' }
  | { kind: 'after'; ms: number }
  /** Only new desired state helps. */
  | { kind: 'stall' };

/** How often what the owner of a tenant must mend is looked at again. */
const ENV_MS = 60_000;
/** A wall clock may jump: a window is looked for at least so often. */
const WINDOW_MS = 15 * 60_000;

/** Turns the outcome of a pass into what happens next; the only place that decides it. */
export function judge(item: Pick<ReconcileItem, 'result' | 'plan' | 'error'>, terminal: boolean, now: Date): Next {
  switch (item.result) {
    case 'inSync':
    case 'changed':
      return { kind: 'done' };
    case 'converged':
      return { kind: 'look' };
    case 'waiting':
      return judgeGate(item.plan?.gate ?? null, now);
    case 'failed':
      if (item.error?.code === 'Superseded') return { kind: 'again' };
      return { kind: terminal ? 'stall' : 'retry' };
  }
}

function judgeGate(gate: NonNullable<ReconcileItem['plan']>['gate'], now: Date): Next {
  switch (gate?.reason) {
    case 'Suspended':
    case 'DriftReported':
    case 'RolledBack':
      return { kind: 'done' };
    case 'EnvCoverageBlocked':
      return { kind: 'after', ms: ENV_MS };
    case 'OutsideWindow': {
      const left = gate.until === undefined ? WINDOW_MS : Date.parse(gate.until) - now.getTime();
      return { kind: 'after', ms: Math.min(Math.max(left, 1_000), WINDOW_MS) };
    }
    default:
      return { kind: 'retry' };
  }
}
