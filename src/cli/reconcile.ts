import { createContext, type SharedOptions } from './context.js';
import { openFleet } from './fleet.js';
import type { Io } from './io.js';
import { formatReport, type ReportFormat } from './print-report.js';
import { exitCodeOfRun, runReconcile } from './run-reconcile.js';

interface Options extends SharedOptions {
  io: Io;
  dryRun?: boolean;
  filesOnly?: boolean;
  detailedExitcode?: boolean;
  ignoreHold?: boolean;
  ignoreWindow?: boolean;
  concurrency: number;
  format: ReportFormat;
}

/** `flotilla reconcile [SLUG...]` */
export async function reconcileCommand({ slugs }: { slugs: string[] }, options: Options): Promise<number> {
  const context = await createContext(options.io, options);
  const fleet = await openFleet(options, context);
  try {
    const run = await runReconcile(fleet, context, {
      slugs,
      dryRun: options.dryRun ?? false,
      filesOnly: options.filesOnly ?? false,
      ignoreHold: options.ignoreHold ?? false,
      ignoreWindow: options.ignoreWindow ?? false,
      concurrency: options.concurrency,
    });
    await context.io.out.write(await formatReport(run.report, options.format, context));
    return exitCodeOfRun(run, options);
  } finally {
    await fleet.close();
  }
}
