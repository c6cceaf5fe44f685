import type { EnvCoverage } from '../compose/env-coverage.js';
import type { DriftPolicy, Maintenance, Timeouts } from '../manifest/desired-state.js';
import type { FileEntry, OnChangeRule } from '../render/file-set.js';

/** What the planner is given of desired state: one rendered instance, without the bytes. */
export interface DesiredTenant {
  slug: string;
  project: string;
  directory: string;
  host: string;
  fleet: string | null;
  template: string;
  revision: string;
  imageTag: string;
  registered: boolean;
  suspend: boolean;
  driftPolicy: DriftPolicy;
  /** null or left out: updates at any time. Stays with the controller, which alone decides about it. */
  maintenance?: Maintenance | null;
  timeouts: Timeouts;
  digest: string;
  files: readonly FileEntry[];
  released: readonly string[];
  /** The compose files we render, in order. */
  compose: readonly string[];
  /** The tenant's own compose files, used after ours when they are there. */
  tenantCompose: readonly string[];
  onChange: readonly OnChangeRule[];
}

export type FileStatus = 'unchanged' | 'modified' | 'created' | 'deleted' | 'kept';
export type FileCause = 'new' | 'update' | 'drift' | 'conflict' | 'adopt' | 'no longer rendered' | 'edited on the host';

export interface FileChange {
  path: string;
  status: FileStatus;
  /** null exactly when unchanged. */
  cause: FileCause | null;
  /** One phrase for a person: `update`, `drift (deleted on the host)`, `drift (mode 0644 -> 0600)`. */
  reason: string;
  sensitive: boolean;
}

export type ContainerAction = 'create' | 'recreate' | 'restart' | 'signal' | 'start' | 'remove' | 'none';

/** What happens to the containers of one service. */
export interface ContainerChange {
  service: string;
  action: ContainerAction;
  /** Empty exactly when the action is none. */
  cause: string;
}

/** One step. The executor runs them in order and decides nothing. */
export type Operation =
  | { kind: 'write'; path: string; sha256: string; mode: number; inPlace: boolean; createOnly: boolean; cause: string }
  | { kind: 'remove'; path: string; sha256: string; cause: string }
  | { kind: 'pull'; cause: string }
  /** Stops and removes containers of services that we brought up before and that are no longer defined. */
  | { kind: 'removeServices'; services: readonly string[]; cause: string }
  /** `recreate` lists services that compose would leave alone and that must be made anew all the same. */
  | { kind: 'up'; services: readonly string[]; recreate: readonly string[]; cause: string }
  /** Skipped by the executor for services whose containers `up` has just made anew. */
  | { kind: 'restart'; services: readonly string[]; cause: string }
  | { kind: 'signal'; service: string; signal: string; cause: string }
  /** Stops and removes all containers and networks of the project; volumes, files and images stay. A plan's only operation. */
  | { kind: 'down'; services: readonly string[]; cause: string }
  | { kind: 'verify'; cause: string }
  | { kind: 'record'; cause: string };

export type GateReason =
  | 'Suspended'
  | 'Locked'
  | 'DriftReported'
  | 'EnvCoverageBlocked'
  | 'RolledBack'
  | 'OutsideWindow';

/** Why a plan that has operations is not applied now. */
export interface Gate {
  reason: GateReason;
  message: string;
  hint?: string;
  /** When it ends by itself, where that is known. ISO 8601, UTC. */
  until?: string;
  /** True when desired state is held back against the operator's wish: counts as an error in exit codes. */
  blocked: boolean;
}

/** What the plan was made from. Under the lock the host compares it with what is there and refuses a stale plan. */
export interface PlanBasis {
  /** Every path that the plan writes, removes or relies on; sha256 null when absent. */
  files: readonly { path: string; sha256: string | null; mode: number | null }[];
  /** The applied record's generation, 0 when there is none. */
  generation: number;
}

/** The decision: plain data, JSON-safe, the same for the preview and for the run. */
export interface Plan {
  slug: string;
  project: string;
  directory: string;
  host: string;
  template: string;
  revision: string;
  imageTag: string;
  /** The tag last applied; null when nothing was. */
  fromImageTag: string | null;
  digest: string;
  /** Metadata of the whole desired file set: becomes the record. */
  fileSet: readonly FileEntry[];
  compose: readonly string[];
  tenantCompose: readonly string[];
  onChange: readonly OnChangeRule[];
  released: readonly string[];
  timeouts: Timeouts;
  /** Sorted by path; unchanged ones are there too. */
  files: readonly FileChange[];
  /** Sorted by service; null when containers were left out of the preview. */
  containers: readonly ContainerChange[] | null;
  /** Empty <=> in sync. */
  operations: readonly Operation[];
  /** null when nothing was inspected. */
  envCoverage: EnvCoverage | null;
  /** Each a sentence: files kept, variables that compose will eat. Never a reason for being out of sync. */
  warnings: readonly string[];
  gate: Gate | null;
  basis: PlanBasis;
}
