import type { ApplyProgress } from '../../agent-client/tenant-driver.js';
import type { Upgrade, UpgradeResult } from '../../history/history-store.js';
import type { Plan } from '../../plan/plan.js';
import type { ReconcileItem } from '../report.js';
import { createPhaseTimes } from './phase-times.js';

/** The last so many lines of an apply's progress are kept. */
const MOST_LINES = 40;

type Ended = Pick<ReconcileItem, 'result' | 'error' | 'plan'>;

/** One apply while it runs, for the history. */
export interface UpgradeRecord {
  /** As it was to be applied, whatever was seen afterwards. */
  readonly plan: Plan;
  /** As it stands when it begins. */
  begun(): Upgrade;
  progress(progress: ApplyProgress): void;
  ended(item: Ended & Pick<ReconcileItem, 'applied'>, rolledBack: boolean, at: Date): Upgrade;
}

/** What is about to be applied. */
export interface ApplyBegun {
  /** The reconcile's. */
  id: string;
  fleet: string | null;
  /** Who committed the plan's revision. */
  author: string | null;
  plan: Plan;
  startedAt: Date;
}

/** @param nowMs monotonic */
export function recordUpgrade(apply: ApplyBegun, nowMs: () => number): UpgradeRecord {
  const { plan } = apply;
  const log: string[] = [];
  const begun = begunOf(apply);
  const times = createPhaseTimes(nowMs);
  return {
    plan,
    begun: () => begun,
    progress({ phase, service, message }) {
      times.heard(phase);
      const line = [phase, service, message].filter((word) => word !== undefined).join(' ');
      if (log.at(-1) === line) return;
      log.push(line);
      if (log.length > MOST_LINES) log.shift();
    },
    ended(item, rolledBack, at) {
      const phases = item.applied?.phases ?? times.untilNow();
      return {
        ...begun,
        phases,
        result: upgradeResultOf(item, rolledBack),
        error: errorOf(item, phases.at(-1)?.phase ?? null),
        log: [...log],
        finishedAt: at.toISOString(),
      };
    },
  };
}

function begunOf({ id, fleet, author, plan, startedAt }: ApplyBegun): Upgrade {
  return {
    id,
    slug: plan.slug,
    host: plan.host,
    fleet,
    revision: plan.revision,
    author,
    fromImageTag: plan.fromImageTag,
    toImageTag: plan.imageTag,
    cause: causeOf(plan),
    plan: {
      files: plan.files
        .filter(({ status }) => status !== 'unchanged')
        .map(({ path, status, cause }) => ({ path, status, cause })),
      containers: plan.containers?.filter(({ action }) => action !== 'none') ?? null,
      operations: plan.operations.map(({ kind, cause }) => ({ kind, cause })),
    },
    phases: [],
    result: 'running',
    error: null,
    log: [],
    startedAt: startedAt.toISOString(),
    finishedAt: null,
  };
}

/** Why the plan is there: what its last step says of the whole. */
export function causeOf({ operations }: Pick<Plan, 'operations'>): string {
  return operations.at(-1)?.cause ?? '';
}

/** How an apply ended that was begun. Without an error it may still have come to nothing: another one was there first. */
export function upgradeResultOf(
  { result, error }: Pick<Ended, 'result' | 'error'>,
  rolledBack: boolean,
): Exclude<UpgradeResult, 'running'> {
  if (result === 'converged') return 'converged';
  if (rolledBack) return 'rolledBack';
  if (error === null || error.code === 'Cancelled' || error.code === 'Locked') return 'interrupted';
  return error.code === 'Superseded' ? 'superseded' : 'failed';
}

/** @param phase the one that it had come to */
function errorOf({ result, error, plan }: Ended, phase: string | null): Upgrade['error'] {
  if (error) return { code: error.code, message: error.message, phase: error.phase };
  if (result === 'converged') return null;
  const { reason, message } = plan?.gate ?? {
    reason: 'PlanStale',
    message: 'the host was changed meanwhile, and has what is desired',
  };
  return { code: reason, message: `nothing was changed: ${message}`, phase };
}
