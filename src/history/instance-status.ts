import type { DeletionPolicy } from '../manifest/desired-state.js';

/** Kubernetes API conventions; kstatus meanings for Ready, Reconciling and Stalled. */
export interface Condition {
  type: 'Ready' | 'Reconciling' | 'Stalled' | 'Drifted';
  status: 'True' | 'False' | 'Unknown';
  /** CamelCase. */
  reason: string;
  message: string;
  /** ISO 8601, UTC. */
  lastTransitionTime: string;
}

/** What the daemon last said of one instance. Survives a restart; JSON-safe. */
export interface InstanceStatus {
  slug: string;
  host: string;
  fleet: string | null;
  /** The desired tag. */
  imageTag: string;
  /** The tag last applied and verified; null when nothing was. */
  appliedImageTag: string | null;
  /** The revision that last changed what is desired of it. */
  desiredRevision: string;
  /** Who committed that revision; null where nobody is known. */
  desiredAuthor: string | null;
  /** Of all that is desired of it: whether a new process finds it other than before. */
  desiredDigest: string;
  /** The revision that was last tried to apply; null when none was. */
  attemptedRevision: string | null;
  /** The revision that was last applied and verified. */
  appliedRevision: string | null;
  conditions: readonly Condition[];
  /** Failures in a row. */
  failures: number;
  /** ISO 8601, UTC; when it is tried again by itself, null when nothing is planned. */
  nextAttemptAt: string | null;
  /** ISO 8601, UTC. */
  updatedAt: string;
  /** What is needed when its manifest is removed. */
  project: string;
  directory: string;
  deletionPolicy: DeletionPolicy;
  /** Its manifest is gone, and its containers are being taken down. */
  removing: boolean;
}
