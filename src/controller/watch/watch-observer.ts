import type { UpgradeResult } from '../../history/history-store.js';
import type { Result } from '../report.js';

/** What the daemon tells of itself as numbers. Times in seconds, as Prometheus wants them. */
export interface WatchObserver {
  /** One pass over one instance has ended; `error` is its code, empty when there was none. */
  reconciled(pass: { result: Result; error: string; seconds: number }): void;
  /** An apply has ended. */
  upgraded(upgrade: {
    result: Exclude<UpgradeResult, 'running'>;
    cause: 'update' | 'drift' | 'other';
    seconds: number;
  }): void;
  driftSeen(kind: 'file' | 'container'): void;
  /** Desired state was read, refused or could not be read. */
  sourceRead(outcome: 'accepted' | 'unchanged' | 'refused' | 'failed', seconds: number): void;
  /** How many instances are in each state, set as a whole. */
  instances(counts: {
    ready: number;
    reconciling: number;
    stalled: number;
    drifted: number;
    suspended: number;
    total: number;
  }): void;
  hosts(counts: { connected: number; total: number }): void;
  problems(count: number): void;
  historyFailed(): void;
  /** Decisions and upgrades that wait to be written. */
  historyWaiting(count: number): void;
  notified(outcome: 'sent' | 'failed' | 'dropped'): void;
}
