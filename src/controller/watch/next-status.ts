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
  const message = `${HELD}${describeProblems(held)}`;
  return [
    ...conditions.filter(({ type }) => type !== 'Stalled'),
    condition('Stalled', 'True', 'DesiredStateInvalid', message, at),
  ];
}

/** Of an instance that nobody looks at, as it is not known what is desired of it: it was in order once, or never. */
export function leftConditions(
  { desiredDigest }: Pick<InstanceStatus, 'desiredDigest'>,
  problems: readonly Problem[],
  at: Date,
): readonly Condition[] {
  const unknown = 'what was last desired of it is not known: it is left as it is';
  const ready =
    desiredDigest === ''
      ? condition('Ready', 'False', 'DesiredStateInvalid', 'its desired state has problems', at)
      : condition('Ready', 'Unknown', 'NotLookedAt', unknown, at);
  if (problems.length === 0) return [ready];
  const message = `${LEFT}${describeProblems(problems)}`;
  return [ready, condition('Stalled', 'True', 'DesiredStateInvalid', message, at)];
}

const HELD = 'held at its last good desired state: ';
const LEFT = 'left as it is until its desired state is in order: ';

/** What was wrong with the desired state of an instance, as far as its status says so; null when nothing was. */
export function heldBefore(status: Pick<InstanceStatus, 'conditions'> | undefined): readonly Problem[] | null {
  const stalled = status && findCondition(status, 'Stalled');
  if (stalled?.reason !== 'DesiredStateInvalid') return null;
  const message = [HELD, LEFT].reduce((text, prefix) => text.replace(prefix, ''), stalled.message);
  return [{ code: 'ManifestInvalid', message, file: '' }];
}

function describeProblems(problems: readonly Problem[]): string {
  const [first] = problems;
  const where = first === undefined || first.file === '' ? '' : `${formatPlace(first)}: `;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  return `${where}${first?.message ?? 'the newest one has problems'}${more}`;
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
