import type { ReconcileItem, ReconcileReport } from '../controller/report.js';

export const EXIT_DONE = 0;
export const EXIT_ERROR = 1;
const EXIT_PENDING = 2;
export const EXIT_INTERRUPTED = 130;
const EXIT_TERMINATED = 143;

/** As a shell says it: 128 and the number of the signal. */
export function exitCodeOfSignal(signal: NodeJS.Signals): number {
  return signal === 'SIGTERM' ? EXIT_TERMINATED : EXIT_INTERRUPTED;
}

/**
 * 1 when anything failed, is blocked or is wrong in desired state; else 2, only if asked for, when changes are pending;
 * else 0.
 */
export function exitCodeOf(report: ReconcileReport, { detailedExitcode }: { detailedExitcode: boolean }): number {
  if (report.problems.length > 0 || report.items.some(isError)) return EXIT_ERROR;
  return detailedExitcode && report.items.some(isPending) ? EXIT_PENDING : EXIT_DONE;
}

function isError(item: ReconcileItem): boolean {
  return item.result === 'failed' || (item.result === 'waiting' && (item.plan?.gate?.blocked ?? true));
}

function isPending(item: ReconcileItem): boolean {
  return item.result === 'changed' || (item.result === 'waiting' && (item.plan?.operations.length ?? 0) > 0);
}
