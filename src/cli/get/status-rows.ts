import type { Condition, InstanceStatus } from '../../history/instance-status.js';
import { oneLine } from '../../plan/format-safe.js';
import { shortRevision } from '../short-revision.js';
import { formatAge, formatSpan } from '../table.js';
import type { Listing, Row } from './listing.js';

const HEAD = ['NAME', 'HOST', 'TAG', 'APPLIED', 'READY', 'STATUS', 'AGE'] as const;

/** Instances as the daemon last saw them. AGE is that of the last transition of any condition. */
export function describeStatuses(statuses: readonly InstanceStatus[], now: Date): Listing {
  return {
    kind: 'InstanceStatusList',
    head: HEAD,
    wideHead: ['FLEET', 'REVISION', 'ATTEMPTED', 'VERIFIED', 'FAILURES', 'NEXT', 'MESSAGE'],
    rows: statuses.map((status) => describeStatus(status, now)),
  };
}

/** One of them. */
export function describeStatus(status: InstanceStatus, now: Date): Row {
  const { slug, host, fleet, imageTag, appliedImageTag, conditions, nextAttemptAt } = status;
  const telling = tellingCondition(conditions);
  const ready = conditions.find(({ type }) => type === 'Ready')?.status ?? 'Unknown';
  return {
    name: slug,
    cells: [
      slug,
      host,
      imageTag,
      appliedImageTag ?? '-',
      ready,
      telling?.reason ?? '-',
      formatAge(lastTransition(conditions), now),
    ],
    wideCells: [
      fleet ?? '-',
      ...[status.desiredRevision, status.attemptedRevision, status.appliedRevision].map((revision) =>
        revision === null ? '-' : shortRevision(revision),
      ),
      String(status.failures),
      nextAttemptAt === null ? '-' : formatSpan(Date.parse(nextAttemptAt) - now.getTime()),
      oneLine(telling?.message ?? ''),
    ],
    document: { ...status },
  };
}

/** What a row says of an instance that has been removed. */
export function describeRemoved(status: InstanceStatus): Row {
  const { slug, host, imageTag, appliedImageTag } = status;
  return {
    name: slug,
    cells: [slug, host, imageTag, appliedImageTag ?? '-', '-', 'Removed', '0s'],
    wideCells: [status.fleet ?? '-', '-', '-', '-', '-', '-', ''],
    document: { ...status },
  };
}

/** The one that says most: that a person is needed, else why it is ready or not. */
function tellingCondition(conditions: readonly Condition[]): Condition | undefined {
  return (
    conditions.find(({ type, status }) => type === 'Stalled' && status === 'True') ??
    conditions.find(({ type }) => type === 'Ready') ??
    conditions[0]
  );
}

function lastTransition(conditions: readonly Condition[]): string | null {
  const times = conditions.map(({ lastTransitionTime }) => lastTransitionTime).sort();
  return times.at(-1) ?? null;
}
