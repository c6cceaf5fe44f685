import type { InstanceStatus } from '../../history/instance-status.js';
import type { Notice } from '../../notify/notifier.js';
import { findCondition } from './next-status.js';

/** What people were told of an instance by an earlier process, as far as its status shows it: it is not told again. Pure. */
export function toldBefore(status: InstanceStatus): Notice[] {
  const kind = troubleOf(status);
  const ready = findCondition(status, 'Ready');
  if (kind === null || !ready) return [];
  return [
    {
      kind,
      severity: 'error',
      slug: status.slug,
      host: status.host,
      fleet: status.fleet,
      revision: status.desiredRevision,
      author: status.desiredAuthor,
      fromImageTag: status.appliedImageTag,
      toImageTag: status.imageTag,
      reason: ready.reason,
      message: ready.message,
      at: ready.lastTransitionTime,
    },
  ];
}

function troubleOf(status: InstanceStatus): Notice['kind'] | null {
  if (status.removing) return status.failures > 0 ? 'TakeDownFailed' : null;
  const stalled = findCondition(status, 'Stalled');
  if (stalled && stalled.reason !== 'DesiredStateInvalid')
    return stalled.reason === 'RolledBack' ? 'RolledBack' : 'Stalled';
  const reason = findCondition(status, 'Ready')?.reason;
  if (reason === 'DriftReported') return 'DriftDetected';
  // It waits for whoever has to give a value: nothing was tried, so nothing has failed.
  if (reason === 'EnvCoverageBlocked') return 'UpgradeFailed';
  return status.failures > 0 && status.attemptedRevision !== null ? 'UpgradeFailed' : null;
}
