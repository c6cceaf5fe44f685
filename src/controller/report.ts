import type { ApplyPhase, ApplyResult } from '../agent-client/tenant-driver.js';
import type { ErrorCode, Problem } from '../errors.js';
import type { Condition } from '../history/instance-status.js';
import type { FileDiff } from '../plan/observed.js';
import type { Plan } from '../plan/plan.js';

/**
 * inSync: the plan is empty. changed: it is not, and this was a dry run. converged: it was applied and verified.
 * waiting: a gate holds it (`plan.gate` says which). failed: `error` says why.
 */
export type Result = 'inSync' | 'changed' | 'converged' | 'waiting' | 'failed';

export interface ItemError {
  code: ErrorCode;
  message: string;
  hint: string | null;
  /** The phase of the apply in which it happened; null before an apply. */
  phase: string | null;
  problems: readonly Problem[];
}

export interface ReconcileItem {
  slug: string;
  host: string;
  fleet: string | null;
  imageTag: string;
  result: Result;
  /** null when it failed before a plan could be made. */
  plan: Plan | null;
  /** Sorted by path. */
  diffs: readonly FileDiff[];
  conditions: readonly Condition[];
  error: ItemError | null;
  /** What an apply did; null for a dry run, and where nothing was applied. */
  applied: ApplyResult | null;
}

export interface ReconcileReport {
  revision: string;
  dryRun: boolean;
  summary: Record<Result, number>;
  /** Sorted by slug. */
  items: readonly ReconcileItem[];
  /** What is wrong with desired state itself; the instances concerned are items with result failed, where their slug is known. */
  problems: readonly Problem[];
}

/** What a progress display is told. One `started` and one `finished` an instance. */
export type ReconcileEvent =
  | { type: 'started'; slug: string }
  | {
      type: 'phase';
      slug: string;
      phase: 'render' | 'observe' | 'plan' | ApplyPhase;
      service?: string;
      message?: string;
    }
  | { type: 'finished'; slug: string; item: ReconcileItem };

export interface ReconcileOptions {
  /** Only these; all when empty. An unknown slug is a FlotillaError InstanceNotFound with the nearest name. */
  slugs: readonly string[];
  dryRun: boolean;
  /** Leave out what compose and the engine say. Only with dryRun. */
  filesOnly: boolean;
  /** Instances at once. */
  concurrency: number;
  /** Apply even what a manual rollback holds back. */
  ignoreHold: boolean;
  /** Apply updates outside of maintenance windows too. */
  ignoreWindow: boolean;
  /** First abort: start nothing new; running applies end by the driver's rules. */
  signal?: AbortSignal;
  onEvent?: (event: ReconcileEvent) => void;
}
