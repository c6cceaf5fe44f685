import type { FileDiff, Inspection, ObservedTenant } from '../plan/observed.js';
import type { DesiredTenant, Plan } from '../plan/plan.js';
import type { RenderedFile } from '../render/file-set.js';

/** Which instance, and where on its host. */
export interface InstanceRef {
  slug: string;
  project: string;
  /** Relative to the host's root. */
  directory: string;
}

export interface ObserveRequest extends InstanceRef {
  /** Managed paths to look at, besides those of the applied record. */
  paths: readonly string[];
}

export interface InspectRequest {
  tenant: DesiredTenant;
  files: readonly RenderedFile[];
  /** False for `--files-only`: compose is not asked. */
  containers: boolean;
}

export type ApplyPhase =
  | 'lock'
  | 'recover'
  | 'stage'
  | 'validate'
  | 'pull'
  | 'commit'
  | 'remove'
  | 'up'
  | 'restart'
  | 'settle'
  | 'verify'
  | 'record';

/** One step forward. `message` is a sentence without values. */
export interface ApplyProgress {
  phase: ApplyPhase;
  service?: string;
  message?: string;
}

export interface ApplyRequest {
  plan: Plan;
  /** The bytes: sent along, or those of a generation that the host kept. */
  content: { files: readonly RenderedFile[] } | { generation: number };
  reconcileId: string;
  /** Set by a rollback: hold this desired digest until it changes. */
  hold?: { digest: string; imageTag: string };
}

export interface ApplyResult {
  generation: number;
  /** Milliseconds spent in each phase, in order. */
  phases: readonly { phase: ApplyPhase; durationMs: number }[];
  /** Services whose containers were made anew, sorted. */
  recreated: readonly string[];
  restarted: readonly string[];
}

/** A file set that the host keeps. */
export interface Generation {
  number: number;
  revision: string;
  imageTag: string;
  digest: string;
  committedAt: string;
  /** Why it was applied, such as `update v1.0.0 -> v1.1.0`. */
  cause: string;
  outcome: 'committed' | 'verified' | 'failed';
  live: boolean;
}

export interface CallOptions {
  signal?: AbortSignal;
}

export interface ApplyOptions extends CallOptions {
  /**
   * Newer desired state is waiting. Before the commit it is as `signal`, but with code Superseded. After it, `compose up` is
   * never cut; an apply that only waits for health (settle, verify) stops waiting, at once or when it gets there, and fails
   * with Superseded: its files are committed, not verified, and that is no failure of the instance.
   */
  supersede?: AbortSignal;
  onProgress?: (progress: ApplyProgress) => void;
}

/** Something on the host may be other than it was. Says which instance, never what is in it. */
export type HostEvent =
  | { type: 'file'; slug: string; path: string }
  | { type: 'container'; slug: string; service: string; action: string }
  /** Events may have been missed: look at all instances again. Also the first one. */
  | { type: 'resync' };

/**
 * The port to one host's tenants. `LocalDriver` works in this process; the agent serves the same calls over mTLS.
 * Every method may throw a FlotillaError; `observe`, `inspect`, `generations` and `planRollback` never write.
 */
export interface TenantDriver {
  /** One answer for each request, in the same order; a tenant that cannot be observed carries its `error`. */
  observe(
    requests: readonly ObserveRequest[],
    options?: CallOptions & { containers?: boolean },
  ): Promise<ObservedTenant[]>;
  inspect(request: InspectRequest, options?: CallOptions): Promise<Inspection>;
  /**
   * Runs the plan's operations under the instance's lock. An abort before the commit leaves the tenant untouched;
   * later it is ignored and the transaction is finished. @throws FlotillaError with `phase`
   */
  apply(request: ApplyRequest, options?: ApplyOptions): Promise<ApplyResult>;
  /** Kept file sets, newest first. */
  generations(ref: InstanceRef, options?: CallOptions): Promise<Generation[]>;
  /** The plan that brings a kept file set back; without a number, the newest verified one before the live one. */
  planRollback(
    ref: InstanceRef & { to?: number; timeouts: Plan['timeouts'] },
    options?: CallOptions,
  ): Promise<{ plan: Plan; generation: number; diffs: readonly FileDiff[] }>;
  /** Changes to managed files and to containers of the instances that were observed, until `signal` ends it. */
  events(options: { signal: AbortSignal }): AsyncIterable<HostEvent>;
  close(): Promise<void>;
}
