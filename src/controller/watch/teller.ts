import type { Decision } from '../../history/history-store.js';
import type { Notice } from '../../notify/notifier.js';
import { describeDrift } from '../../plan/describe-drift.js';
import type { Plan } from '../../plan/plan.js';
import type { DesiredEntry } from './desired-entry.js';
import type { Pass } from './instance-pass.js';

/** What a pass is told as: to the history, and to people. */
export interface Told {
  decision: Pick<Decision, 'type' | 'reason' | 'message'> | null;
  notice: Pick<Notice, 'kind' | 'severity' | 'reason' | 'message'> | null;
}

const NOTHING: Told = { decision: null, notice: null };

/** Pure. Whether it is new is for others to say: the same pass twice is told the same. */
export function tell({ item, terminal, rolledBack }: Pass): Told {
  const { result, plan, error } = item;
  switch (result) {
    case 'inSync':
    case 'changed':
      return {
        decision: { type: 'Normal', reason: 'InSync', message: 'the host has what is desired' },
        notice: { kind: 'Recovered', severity: 'info', reason: 'InSync', message: 'in sync again' },
      };
    case 'converged':
      return tellConverged(plan);
    case 'waiting':
      return tellWaiting(plan);
    case 'failed':
      if (!error || error.code === 'Cancelled') return NOTHING;
      return tellFailure(error.code, error.message, { terminal, rolledBack, tried: plan !== null });
  }
}

function tellConverged(plan: Plan | null): Told {
  const drift = plan && describeDrift(plan);
  if (drift && plan.fromImageTag === plan.imageTag) {
    const message = `healed: ${drift.message}`;
    return {
      decision: { type: 'Normal', reason: 'Healed', message },
      notice: { kind: 'DriftDetected', severity: 'info', reason: 'Healed', message },
    };
  }
  const cause = plan?.operations.at(-1)?.cause ?? '';
  const message = `applied and verified: ${cause}`;
  return {
    decision: { type: 'Normal', reason: 'Converged', message },
    notice: { kind: 'UpgradeSucceeded', severity: 'info', reason: 'Converged', message },
  };
}

function tellWaiting(plan: Plan | null): Told {
  const gate = plan?.gate;
  if (!gate) return NOTHING;
  const { reason, message, blocked } = gate;
  const decision = { type: blocked ? ('Warning' as const) : ('Normal' as const), reason, message };
  if (reason === 'DriftReported') {
    const what = describeDrift(plan)?.message ?? message;
    return {
      decision: { type: 'Warning', reason, message: what },
      notice: { kind: 'DriftDetected', severity: 'warning', reason, message: what },
    };
  }
  const notice =
    blocked && reason === 'EnvCoverageBlocked'
      ? { kind: 'UpgradeFailed' as const, severity: 'error' as const, reason, message }
      : null;
  return { decision, notice };
}

function tellFailure(
  code: string,
  message: string,
  { terminal, rolledBack, tried }: { terminal: boolean; rolledBack: boolean; tried: boolean },
): Told {
  if (code === 'Superseded') return { decision: { type: 'Normal', reason: code, message }, notice: null };
  const decision = { type: 'Warning' as const, reason: code, message };
  if (rolledBack)
    return {
      decision: { ...decision, reason: 'RolledBack' },
      notice: { kind: 'RolledBack', severity: 'error', reason: code, message },
    };
  if (terminal) return { decision, notice: { kind: 'Stalled', severity: 'error', reason: code, message } };
  // A host that is gone would be told once for each of its instances: that is for metrics to tell.
  return { decision, notice: tried ? { kind: 'UpgradeFailed', severity: 'warning', reason: code, message } : null };
}

/** Where it belongs to, for a notice. */
export function noticeAbout(
  { instance, tenant, author }: DesiredEntry,
  plan: Plan | null,
): Omit<Notice, 'kind' | 'severity' | 'reason' | 'message' | 'at'> {
  return {
    slug: instance.slug,
    host: instance.host,
    fleet: instance.fleet,
    revision: tenant.revision,
    author,
    fromImageTag: plan?.fromImageTag ?? null,
    toImageTag: instance.imageTag,
  };
}

/** What a notice about desired state itself says of an instance. */
export const ABOUT_SOURCE = { slug: null, host: null, fleet: null, fromImageTag: null, toImageTag: null };
