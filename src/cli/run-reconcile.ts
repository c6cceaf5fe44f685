import { randomUUID } from 'node:crypto';
import { reconcile } from '../controller/reconcile.js';
import type { ReconcileEvent, ReconcileOptions, ReconcileReport } from '../controller/report.js';
import { createRenderer } from '../render/create-renderer.js';
import type { Context } from './context.js';
import { EXIT_INTERRUPTED, exitCodeOf } from './exit-code.js';
import type { Fleet } from './fleet.js';
import { listenForInterrupts } from './interrupt.js';
import { logEvent } from './log-event.js';
import { createProgress } from './progress.js';

export interface ReconcileRun {
  report: ReconcileReport;
  interrupted: boolean;
}

/** The one way in which commands reconcile: with progress on standard error, and Ctrl-C understood. */
export async function runReconcile(
  fleet: Fleet,
  context: Context,
  options: Omit<ReconcileOptions, 'signal' | 'onEvent'>,
): Promise<ReconcileRun> {
  const progress = createProgress(context);
  const interrupt = listenForInterrupts({ active: progress.active, say: progress.say });
  const { desired, templates, driverFor } = fleet;
  const onEvent = (event: ReconcileEvent) => {
    progress.onEvent(event);
    if (context.log) logEvent(context.log, event);
  };
  try {
    const report = await reconcile(
      { desired, templates, renderer: createRenderer(), driverFor, now: () => new Date(), newId: randomUUID },
      { ...options, signal: interrupt.signal, onEvent },
    );
    return { report, interrupted: interrupt.signal.aborted };
  } finally {
    interrupt.dispose();
    progress.end();
  }
}

export function exitCodeOfRun({ report, interrupted }: ReconcileRun, options: { detailedExitcode?: boolean }): number {
  if (interrupted) return EXIT_INTERRUPTED;
  return exitCodeOf(report, { detailedExitcode: options.detailedExitcode ?? false });
}
