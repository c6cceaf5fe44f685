import { ERROR_CODES } from '../errors.js';
import type { Condition } from '../history/instance-status.js';
import { describeDrift } from '../plan/describe-drift.js';
import type { ItemError, ReconcileItem, Result } from './report.js';

/**
 * Conditions of one instance after a reconcile, by the meanings that kstatus gives to Ready, Reconciling and Stalled.
 *
 * @param at when it was reconciled; becomes every condition's transition time, as no earlier status is kept
 */
export function toConditions(item: Pick<ReconcileItem, 'result' | 'plan' | 'error'>, at: Date): Condition[] {
  const lastTransitionTime = at.toISOString();
  const condition = (type: Condition['type'], status: boolean, reason: string, message: string): Condition => ({
    type,
    status: status ? 'True' : 'False',
    reason,
    message,
    lastTransitionTime,
  });
  const { reason, message } = explain(item);
  const ready = item.result === 'inSync' || item.result === 'converged';
  const conditions = [condition('Ready', ready, reason, message)];
  if (isStalled(item)) conditions.push(condition('Stalled', true, reason, message));
  else if (!ready) conditions.push(condition('Reconciling', item.result !== 'waiting', reason, message));
  const drift = ready || item.plan === null ? null : describeDrift(item.plan);
  if (drift !== null) conditions.push(condition('Drifted', true, drift.reason, drift.message));
  return conditions;
}

/** Only new desired state helps: it cannot be, or it was tried and taken back. */
function isStalled({ error, plan }: Pick<ReconcileItem, 'plan' | 'error'>): boolean {
  return error ? ERROR_CODES[error.code].terminal : plan?.gate?.reason === 'RolledBack';
}

const SUCCEEDED: Record<Exclude<Result, 'failed' | 'waiting'>, { reason: string; message: string }> = {
  inSync: { reason: 'InSync', message: 'the host has what is desired' },
  converged: { reason: 'Converged', message: 'applied and verified' },
  changed: { reason: 'ChangesPending', message: 'the host differs from what is desired' },
};

function explain({ result, plan, error }: { result: Result; plan: ReconcileItem['plan']; error: ItemError | null }): {
  reason: string;
  message: string;
} {
  if (result === 'failed') return { reason: error?.code ?? 'Internal', message: error?.message ?? 'failed' };
  if (result === 'waiting')
    return { reason: plan?.gate?.reason ?? 'Waiting', message: plan?.gate?.message ?? 'waiting' };
  return SUCCEEDED[result];
}
