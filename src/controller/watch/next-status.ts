import type { Problem } from '../../errors.js';
import type { Condition, InstanceStatus } from '../../history/instance-status.js';
import { formatPlace } from '../format-problem.js';
import type { DesiredEntry } from './desired-entry.js';

/** The status of an instance of which something new is desired, and nothing is known yet. */
export function pendingStatus(entry: DesiredEntry, before: InstanceStatus | null, at: Date): InstanceStatus {
  const { instance, tenant, digest } = entry;
  const conditions: Condition[] = [
    condition('Ready', 'Unknown', 'Pending', 'not looked at yet', at),
    condition('Reconciling', 'True', 'Pending', `waits to be brought to ${tenant.revision.slice(0, 15)}`, at),
  ];
  return {
    slug: instance.slug,
    host: instance.host,
    fleet: instance.fleet,
    imageTag: instance.imageTag,
    appliedImageTag: before?.appliedImageTag ?? null,
    desiredRevision: tenant.revision,
    desiredAuthor: entry.author,
    desiredDigest: digest,
    attemptedRevision: before?.attemptedRevision ?? null,
    appliedRevision: before?.appliedRevision ?? null,
    conditions: keepTransitions(before?.conditions ?? [], withHeld(conditions, entry.held, at)),
    failures: 0,
    nextAttemptAt: null,
    updatedAt: at.toISOString(),
    project: instance.project,
    directory: instance.directory,
    deletionPolicy: instance.deletionPolicy,
    removing: false,
  };
}

/** As Kubernetes has it: the time of a condition is when its status last changed, not when it was last looked at. */
export function keepTransitions(before: readonly Condition[], next: readonly Condition[]): Condition[] {
  return next.map((each) => {
    const earlier = before.find(({ type }) => type === each.type);
    return earlier?.status === each.status ? { ...each, lastTransitionTime: earlier.lastTransitionTime } : each;
  });
}

/** An instance that is held at its last good state is stalled, however well it runs. */
export function withHeld(
  conditions: readonly Condition[],
  held: readonly Problem[] | null,
  at: Date,
): readonly Condition[] {
  if (held === null) return conditions;
  const [first] = held;
  const where = first === undefined || first.file === '' ? '' : `${formatPlace(first)}: `;
  const more = held.length > 1 ? ` (and ${held.length - 1} more)` : '';
  const message = `held at its last good desired state: ${where}${first?.message ?? 'the newest one has problems'}${more}`;
  return [
    ...conditions.filter(({ type }) => type !== 'Stalled'),
    condition('Stalled', 'True', 'DesiredStateInvalid', message, at),
  ];
}

export function findCondition(
  status: Pick<InstanceStatus, 'conditions'>,
  type: Condition['type'],
): Condition | undefined {
  return status.conditions.find((each) => each.type === type);
}

/** Whether anybody who reads it would notice a difference. */
export function isSameStatus(one: InstanceStatus, other: InstanceStatus): boolean {
  return textOf(one) === textOf(other);
}

function textOf({ updatedAt: _, ...status }: InstanceStatus): string {
  return JSON.stringify(status);
}

export function condition(
  type: Condition['type'],
  status: Condition['status'],
  reason: string,
  message: string,
  at: Date,
): Condition {
  return { type, status, reason, message, lastTransitionTime: at.toISOString() };
}
