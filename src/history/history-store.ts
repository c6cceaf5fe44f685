import type { InstanceStatus } from './instance-status.js';

/** superseded: gave way to newer desired state. interrupted: gave way to something else, such as the end of the daemon. */
export type UpgradeResult = 'running' | 'converged' | 'failed' | 'rolledBack' | 'superseded' | 'interrupted';

/** One apply of a plan, whatever its cause. Holds no content of files and no value of a tenant. */
export interface Upgrade {
  /** The reconcile's id: unique, as in the logs of controller and host. */
  id: string;
  slug: string;
  host: string;
  fleet: string | null;
  revision: string;
  /** Who committed the revision; null where nobody is known. */
  author: string | null;
  /** null for a first install. */
  fromImageTag: string | null;
  toImageTag: string;
  /** Such as `update v1.0.0 -> v1.1.0` or `drift`. */
  cause: string;
  /** The plan without contents: files by path, status and cause; containers; operations. */
  plan: UpgradePlan;
  /** In order, as its host measured them; where it gave none, as they were heard of. Empty while it runs. */
  phases: readonly { phase: string; durationMs: number }[];
  result: UpgradeResult;
  error: { code: string; message: string; phase: string | null } | null;
  /** The last lines of its progress: sentences without values. */
  log: readonly string[];
  /** ISO 8601, UTC. */
  startedAt: string;
  /** null while it runs. */
  finishedAt: string | null;
}

export interface UpgradePlan {
  files: readonly { path: string; status: string; cause: string | null }[];
  containers: readonly { service: string; action: string; cause: string }[] | null;
  operations: readonly { kind: string; cause: string }[];
}

/** A decision that is other than the one before; what `flotilla events` lists. */
export interface Decision {
  /** ISO 8601, UTC. */
  at: string;
  /** null where it concerns the whole fleet: its source, its history. */
  slug: string | null;
  host: string | null;
  type: 'Normal' | 'Warning';
  /** CamelCase. */
  reason: string;
  message: string;
  revision: string | null;
}

/** A revision that the daemon has taken as desired state. */
export interface AcceptedRevision {
  revision: string;
  author: string | null;
  /** ISO 8601, UTC. */
  at: string;
  instances: number;
  /** How many problems desired state has. */
  problems: number;
}

/** What is written at once: all of it or nothing. */
export interface HistoryBatch {
  /** Whole rows: one of a known id takes its place. */
  upgrades: readonly Upgrade[];
  decisions: readonly Decision[];
  /** One of a known slug takes its place. */
  statuses: readonly InstanceStatus[];
  /** Slugs of instances that are no more; their upgrades and decisions stay. */
  forgotten: readonly string[];
  accepted: readonly AcceptedRevision[];
}

/** A decision with its place in the order in which they were written. */
export type StoredDecision = Decision & { sequence: number };

/**
 * The port to what is remembered. Every method throws a FlotillaError: HistoryUnavailable (a full disk, a file that is locked
 * or broken), with what to do.
 */
export interface HistoryStore {
  /** Resolves once all of it is on the disk, and would survive a loss of power. */
  write(batch: HistoryBatch): Promise<void>;
  /** Sorted by slug; only those named when `slugs` is given. */
  statuses(query?: { slugs?: readonly string[] }): Promise<InstanceStatus[]>;
  /** Newest first. */
  upgrades(query: { slug?: string; limit: number }): Promise<Upgrade[]>;
  /** Oldest first: the last `limit` of those after the sequence `after`. */
  decisions(query: { slug?: string; after?: number; limit: number }): Promise<StoredDecision[]>;
  /** The one that is in force, or null; with a revision, or the beginning of one, the newest that took it. */
  accepted(query?: { revision?: string }): Promise<AcceptedRevision | null>;
  /** A number that is other than before whenever anybody has written. Cheap: for polling. */
  version(): Promise<number>;
  /** Upgrades that still run, so that a new daemon can say how they ended. */
  running(): Promise<Upgrade[]>;
  /**
   * Removes upgrades, decisions and accepted revisions from before; the newest upgrade of an instance that there is stays, and so
   * does the revision in force. Gives how many rows went.
   */
  prune(before: Date): Promise<number>;
  close(): Promise<void>;
}
