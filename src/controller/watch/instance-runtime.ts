import type { InstanceStatus } from '../../history/instance-status.js';
import { createProgressGuard, type ProgressGuard } from './progress-guard.js';

/** What this process knows of one instance besides what is desired of it. */
export interface InstanceRuntime {
  status: InstanceStatus;
  /** Aborts the health wait of the apply that runs; null while none runs. */
  supersede: AbortController | null;
  /** A terminal error: nothing is tried until something else is desired. */
  stalled: boolean;
  /** It could not be looked at last time: once its host can be, it is tried at once. */
  unreachable: boolean;
  /** Where it is to be taken down: not before this, on the monotonic clock. */
  downAtMs: number;
  progress: ProgressGuard;
  /** The observation with which it was found in sync last: the same object again means that nothing has changed. */
  inSync: unknown;
  /** What was last said of it, so that only what is new is said. */
  said: string;
  /** A container of it ended: if all looks in order, it is looked at so often again. */
  looksLeft: number;
}

export function createRuntime(status: InstanceStatus): InstanceRuntime {
  const ready = status.conditions.find(({ type }) => type === 'Ready');
  return {
    status,
    supersede: null,
    stalled: false,
    unreachable: false,
    downAtMs: 0,
    progress: createProgressGuard(),
    inSync: null,
    said: ready ? `${ready.reason} ${ready.message}` : '',
    looksLeft: 0,
  };
}
