import { formatReportDiffs } from '../controller/report-text.js';
import { createContext, type SharedOptions } from './context.js';
import { openFleet } from './fleet.js';
import type { Io } from './io.js';
import { formatReport } from './print-report.js';
import { exitCodeOfRun, runReconcile } from './run-reconcile.js';

interface Options extends SharedOptions {
  io: Io;
  detailedExitcode?: boolean;
  format: 'text' | 'json' | 'yaml';
}

/** `flotilla diff SLUG...`: the diffs of a dry run of files. */
export async function diffCommand({ slugs }: { slugs: string[] }, options: Options): Promise<number> {
  const context = await createContext(options.io, options);
  const fleet = await openFleet(options, context);
  try {
    const run = await runReconcile(fleet, context, {
      slugs,
      dryRun: true,
      filesOnly: true,
      ignoreHold: false,
      ignoreWindow: false,
      concurrency: slugs.length,
    });
    const { report } = run;
    const text =
      options.format === 'text'
        ? formatReportDiffs(report, context.paint)
        : await formatReport(report, options.format, context);
    await context.io.out.write(text);
    return exitCodeOfRun(run, options);
  } finally {
    await fleet.close();
  }
}
