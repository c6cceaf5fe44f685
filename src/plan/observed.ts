import type { EnvCoverage } from '../compose/env-coverage.js';
import type { ErrorCode } from '../errors.js';

export interface ObservedFile {
  path: string;
  /** null when there is no such file. */
  sha256: string | null;
  mode: number | null;
}

export type ContainerState = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';

export interface ObservedContainer {
  state: ContainerState;
  health: 'healthy' | 'unhealthy' | 'starting' | null;
  /** null while it has not ended. */
  exitCode: number | null;
  /** In which ways it is unlike the record made after the last successful up. Compared on the host: hashes of configuration stay there. */
  differs: readonly ('image' | 'config')[];
}

export interface ObservedService {
  name: string;
  /**
   * What the record says of it; null when it was not brought up by us. `completed`: a one-shot that had ended well, or that
   * still ran when it was recorded and has ended well since.
   */
  recorded: { count: number; completed: boolean } | null;
  containers: readonly ObservedContainer[];
}

/** Of `.flotilla/applied.json`: what the controller may know. */
export interface AppliedView {
  /** Counts the committed file sets of this instance from 1. */
  generation: number;
  /** The compose project that it was brought up as. */
  project: string;
  revision: string;
  imageTag: string;
  digest: string;
  template: string;
  files: readonly { path: string; sha256: string; mode: number; createOnly: boolean }[];
  /** committed: the files are there and were never successfully brought up. */
  outcome: 'committed' | 'verified';
  /**
   * What was committed since the containers were last verified: they may still read the old bytes of these files, and
   * these services may have been started. null once verified.
   */
  unfinished: { files: readonly string[]; services: readonly string[] } | null;
  /** ISO 8601, UTC. */
  appliedAt: string;
  lastFailure: { at: string; code: ErrorCode; phase: string; message: string; imageTag: string } | null;
  /** Set by a manual rollback: this desired digest is not applied again until it changes. */
  hold: { digest: string; imageTag: string; at: string } | null;
}

export interface LockHolder {
  /** 0 when it is not known. */
  pid: number;
  /** Such as `flotilla reconcile` or `upgrade.sh`. */
  command: string;
  /** ISO 8601, UTC; empty when not known. */
  since: string;
}

export interface ObservedTenant {
  slug: string;
  /** Absolute, on the host: for messages. */
  directory: string;
  exists: boolean;
  files: readonly ObservedFile[];
  applied: AppliedView | null;
  /** How the newest attempt on it failed, also where nothing was ever applied; null or absent when it did not. */
  lastFailure?: AppliedView['lastFailure'];
  /** Services with a container or in the record, sorted by name. Empty when `engine` is false. */
  services: readonly ObservedService[];
  /** Whether the engine was asked and answered. */
  engine: boolean;
  /** Other compose projects that run from this directory. */
  otherProjects: readonly string[];
  /** Directories other than this one from which containers of our project name run. */
  otherDirectories: readonly string[];
  lockedBy: LockHolder | null;
  /** A commit was interrupted: whoever applies next rolls it forward first. */
  interrupted: boolean;
  /** This tenant could not be observed; the others could. */
  error: { code: ErrorCode; message: string; hint?: string } | null;
}

export interface FileDiff {
  path: string;
  /** Unified diff, at most 200 lines; masked for sensitive files; a sentence for binary and very large files. */
  diff: string;
  truncated: boolean;
  /** How many lines were cut. */
  omittedLines: number;
}

/** What compose makes of one service of the new files, compared on the host with what runs. */
export interface ServiceForecast {
  name: string;
  /** As written in the compose file, not interpolated: it may name variables, never their values. */
  image: string;
  /** The same of the compose files that are there now; null when the service is new. */
  previousImage: string | null;
  replicas: number;
  oneShot: boolean;
  /** Instance-relative paths that it mounts (`.` for all of it), sorted. */
  mounts: readonly string[];
  /** Services whose namespaces or volumes it takes: it follows their re-creation. */
  sharesWith: readonly string[];
  /**
   * `new`: no container was made from it; `update`: the new files define it differently from the current ones;
   * `environment`: the same files mean something else than at the last up (a `.env` or env_file was edited);
   * `same`: compose will leave it alone.
   */
  definition: 'new' | 'update' | 'environment' | 'same';
  /** Inline config content or environment-sourced secrets changed: compose does not notice, so it must be made anew. */
  inlineChanged: boolean;
}

export interface Inspection {
  /** One for each path whose bytes differ, and for each that would be deleted. Sorted by path. */
  diffs: readonly FileDiff[];
  envCoverage: EnvCoverage;
  /** Names of `.env` lines and compose positions that are wrong; sentences without values. */
  problems: readonly string[];
  /** null when containers were left out. Services sorted by name. */
  forecast: readonly ServiceForecast[] | null;
  /** Compose refuses the new files. Then `forecast` is empty. */
  refused: { code: ErrorCode; message: string; hint?: string } | null;
}
