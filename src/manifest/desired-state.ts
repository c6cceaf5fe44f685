import type { Problem } from '../errors.js';

/** A value of `spec.values`: what JSON can hold. */
export type Value = string | number | boolean | null | readonly Value[] | { readonly [name: string]: Value };
export type Values = { readonly [name: string]: Value };

export type DriftPolicy = 'Heal' | 'Report';
export type RollbackPolicy = 'Manual' | 'OnFailure';
export type DeletionPolicy = 'Orphan' | 'Down';

/** A stretch of time that comes again: it begins whenever the cron expression matches. */
export interface WindowRule {
  cron: string;
  durationMs: number;
}

/** When updates may be applied. With no `allow` any time is allowed; `deny` wins. */
export interface Maintenance {
  /** An IANA name, such as `Europe/Berlin`. */
  timeZone: string;
  allow: readonly WindowRule[];
  deny: readonly WindowRule[];
}

/** How long each step of an apply may take, in milliseconds. `settleMs` is waited after `up` before looking again. */
export interface Timeouts {
  pullMs: number;
  upMs: number;
  verifyMs: number;
  settleMs: number;
}

/** One instance after its fleet's defaults have been merged in: all that is needed to render and place it. */
export interface DesiredInstance {
  slug: string;
  /** The compose project's name. */
  project: string;
  /** Under the host's root, relative, normalised. */
  directory: string;
  host: string;
  fleet: string | null;
  template: string;
  imageTag: string;
  values: Values;
  labels: Readonly<Record<string, string>>;
  registered: boolean;
  suspend: boolean;
  driftPolicy: DriftPolicy;
  rollback: RollbackPolicy;
  deletionPolicy: DeletionPolicy;
  /** null: updates at any time. */
  maintenance: Maintenance | null;
  timeouts: Timeouts;
  /** Where the instance's document starts. */
  source: { file: string; line: number };
}

export type DesiredHost =
  /** `root` is absolute. */
  { name: string; kind: 'local'; root: string } | { name: string; kind: 'agent'; url: string };

export interface DesiredState {
  /** What it was read from: a git commit, or `sha256:` and the digest of the directory. */
  revision: string;
  /** Sorted by slug. Only instances without a problem of their own. */
  instances: readonly DesiredInstance[];
  hosts: ReadonlyMap<string, DesiredHost>;
  /** Everything that is wrong, in file order. One bad document never hides a good one. */
  problems: readonly Problem[];
  /** Slugs that could be read from documents which have problems, sorted: these are not in `instances`. */
  brokenSlugs: readonly string[];
  /**
   * Manifest files, as problems name them, that may declare instances which nobody can tell: they hold a document that is not
   * valid YAML or whose kind or name could not be read, or could not be read at all (then it may be a directory). Sorted.
   * While there is one, an instance that is missing may only be unreadable.
   */
  unreadable: readonly string[];
}
