import type { InstanceStatus } from '../../history/instance-status.js';
import type { DesiredHost } from '../../manifest/desired-state.js';
import type { KnownInstance } from './accept-snapshot.js';
import type { DesiredEntry } from './desired-entry.js';
import { createRuntime, type InstanceRuntime } from './instance-runtime.js';

/** What the daemon knows of the fleet. */
export interface FleetState {
  /** The revision in force; null until one was taken. */
  revision: string | null;
  author: string | null;
  /** Whether anything is wrong in it: what it does not say may still be meant. */
  hasProblems: boolean;
  entries: ReadonlyMap<string, DesiredEntry>;
  /** As the revision in force describes them. */
  hosts: ReadonlyMap<string, DesiredHost>;
  /** By slug: every instance that is desired, held or being removed. */
  runtimes: Map<string, InstanceRuntime>;
}

export function createFleetState(statuses: readonly InstanceStatus[]): FleetState {
  return {
    revision: null,
    author: null,
    hasProblems: false,
    entries: new Map(),
    hosts: new Map(),
    runtimes: new Map(statuses.map((status) => [status.slug, createRuntime(restart(status))])),
  };
}

/** Back-offs end with the process that counted them; that a removal had failed is worth knowing. */
function restart(status: InstanceStatus): InstanceStatus {
  return { ...status, failures: status.removing ? status.failures : 0, nextAttemptAt: null };
}

/** What was desired so far, by slug: what the next revision is compared with. Those being removed are not desired. */
export function knownInstances({ entries, runtimes }: FleetState): Map<string, KnownInstance> {
  const known = new Map<string, KnownInstance>();
  for (const [slug, { status }] of runtimes) {
    const entry = entries.get(slug) ?? null;
    const { desiredDigest: digest, desiredRevision: revision, desiredAuthor: author } = status;
    if (!status.removing) known.set(slug, { digest, revision, author, entry });
  }
  return known;
}

export function entriesOf({ entries }: FleetState, host: string): DesiredEntry[] {
  return [...entries.values()].filter((entry) => entry.host.name === host);
}

export type InstanceCounts = Record<'ready' | 'reconciling' | 'stalled' | 'drifted' | 'suspended' | 'total', number>;

/** How many instances are in each state; one may be in several. */
export function countInstances({ entries, runtimes }: FleetState): InstanceCounts {
  const counts: InstanceCounts = {
    ready: 0,
    reconciling: 0,
    stalled: 0,
    drifted: 0,
    suspended: 0,
    total: runtimes.size,
  };
  for (const [slug, { status }] of runtimes) {
    for (const { type, status: value } of status.conditions) {
      if (value === 'True') counts[type.toLowerCase() as Lowercase<typeof type>] += 1;
    }
    if (entries.get(slug)?.instance.suspend) counts.suspended += 1;
  }
  return counts;
}
