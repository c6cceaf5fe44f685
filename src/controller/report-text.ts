import type { Problem } from '../errors.js';
import { oneLine } from '../plan/format-safe.js';
import { count, formatDiffText, formatPlanText, type Paint } from '../plan/format-text.js';
import { missingVariables } from '../plan/format-variables.js';
import { formatPlace, formatProblem } from './format-problem.js';
import type { ReconcileItem, ReconcileReport, Result } from './report.js';

/** Up to so many instances, each that is in sync has a line of its own; above, one line counts them. */
const LISTED_AT_MOST = 12;

export interface ReportTextOptions {
  paint: Paint;
  /** A line for every instance in sync, every write by itself, and diffs after a real run too. */
  verbose: boolean;
}

/** The report as an operator reads it in a terminal; ends in a line feed. */
export function formatReportText(report: ReconcileReport, { paint, verbose }: ReportTextOptions): string {
  const shown = new Map<string, string>();
  const each = verbose || report.items.length <= LISTED_AT_MOST;
  const blocks: string[][] = [];
  for (const item of report.items) {
    if (item.result === 'inSync') {
      if (each) blocks.push([inSyncLine(item, paint), ...(verbose ? planLines(item) : warningLines(item, paint))]);
    } else if (item.plan?.gate?.reason === 'Suspended' && !report.dryRun && !verbose) {
      blocks.push([`${formatHeader(item, paint)}, -v or --dry-run shows its plan`]);
    } else {
      blocks.push([
        formatHeader(item, paint),
        ...errorLines(item, paint),
        ...(report.dryRun ? [] : untouchedLine(item)),
        ...appliedLines(item, verbose),
        ...planLines(item),
      ]);
    }
  }
  if (!each) blocks.push(summarizeInSync(report.items, paint));
  const elsewhere = problemsElsewhere(report);
  if (elsewhere.length > 0) blocks.push(elsewhere.flatMap((problem) => formatProblem(problem, paint)));
  blocks.push([paint.bold(formatSummary(report))]);
  return joinBlocks(blocks);

  function planLines(item: ReconcileItem): string[] {
    if (item.plan === null) return [];
    return formatPlanText(item.plan, item.diffs, {
      paint,
      diffs: report.dryRun || verbose,
      steps: report.dryRun || verbose,
      verbose,
      shown,
    });
  }
}

/** Only the diffs, under a line for each instance that has some; ends in a line feed, or is empty. */
export function formatReportDiffs(report: ReconcileReport, paint: Paint): string {
  const lines: string[] = [];
  for (const item of report.items) {
    if (item.error !== null) lines.push(formatHeader(item, paint), ...errorLines(item, paint));
    else if (item.diffs.length > 0) lines.push(formatHeader(item, paint));
    for (const diff of item.diffs) lines.push(...formatDiffText(diff, paint));
  }
  for (const problem of problemsElsewhere(report)) lines.push(...formatProblem(problem, paint));
  return lines.map((line) => `${line}\n`).join('');
}

const RESULTS: readonly (readonly [Result, string, keyof Paint])[] = [
  ['inSync', 'in sync', 'green'],
  ['changed', 'changed', 'yellow'],
  ['converged', 'converged', 'green'],
  ['waiting', 'waiting', 'yellow'],
  ['failed', 'failed', 'red'],
];

/** `5 instances: 3 in sync, 1 changed, 1 waiting`, and how many problems desired state has. */
export function formatSummary({ summary, items, problems }: ReconcileReport): string {
  const parts = RESULTS.filter(([result]) => summary[result] > 0).map(
    ([result, words]) => `${summary[result]} ${words}`,
  );
  const found = problems.length === 0 ? '' : `; ${count(problems.length, 'problem')} in desired state`;
  return `${count(items.length, 'instance')}${parts.length === 0 ? '' : `: ${parts.join(', ')}`}${found}`;
}

/** `acme on edmonton-1: v2.4.0 -> v2.4.1 (changed)`. */
function formatHeader(item: ReconcileItem, paint: Paint): string {
  const [, words, brush] = RESULTS.find(([result]) => result === item.result) ?? ['failed', item.result, 'red'];
  const blocked = item.plan?.gate?.blocked ?? false;
  const why = item.result === 'waiting' && item.plan?.gate ? `: ${item.plan.gate.reason}` : '';
  const host = item.host === '' ? '' : ` on ${item.host}`;
  const step = formatTagStep(item);
  return `${paint.bold(item.slug)}${host}${step === '' ? '' : `: ${step}`} (${paint[blocked ? 'red' : brush](`${words}${why}`)})`;
}

/** `v2.4.0 -> v2.4.1`; one tag where it stays; `new -> v2.4.1` where nothing was applied. */
export function formatTagStep({ plan, imageTag }: ReconcileItem): string {
  if (plan === null || plan.fromImageTag === imageTag) return imageTag;
  return `${plan.fromImageTag ?? 'new'} -> ${imageTag}`;
}

/** Problems of desired state that no item of the report shows. */
export function problemsElsewhere({ items, problems }: ReconcileReport): Problem[] {
  const key = (problem: Problem) => `${formatPlace(problem)}\n${problem.message}`;
  const shown = new Set(items.flatMap((item) => item.error?.problems ?? []).map(key));
  return problems.filter((problem) => !shown.has(key(problem)));
}

function inSyncLine(item: ReconcileItem, paint: Paint): string {
  const missing = item.plan === null ? [] : missingVariables(item.plan.envCoverage).map((variable) => variable.name);
  const remark = missing.length === 0 ? '' : paint.yellow(`, its .env lacks ${missing.join(', ')}`);
  return `${formatHeader(item, paint)}${remark}`;
}

function warningLines(item: ReconcileItem, paint: Paint): string[] {
  return (item.plan?.warnings ?? []).map((warning) => `  ${paint.yellow('warning')}: ${oneLine(warning)}`);
}

function summarizeInSync(items: readonly ReconcileItem[], paint: Paint): string[] {
  const inSync = items.filter((item) => item.result === 'inSync');
  if (inSync.length === 0) return [];
  const remarked = inSync.filter(
    ({ plan }) => plan !== null && (plan.warnings.length > 0 || missingVariables(plan.envCoverage).length > 0),
  );
  const remark = remarked.length === 0 ? '' : `, ${remarked.length} of them with remarks`;
  return [`${paint.green(`${count(inSync.length, 'instance')} in sync`)}${remark} (--verbose lists them)`];
}

function errorLines({ error }: ReconcileItem, paint: Paint): string[] {
  if (error === null) return [];
  const phase = error.phase === null ? '' : ` during ${error.phase}`;
  const lines = [`  ${paint.red(error.code)}${phase}: ${oneLine(error.message)}`];
  if (error.hint !== null) lines.push(`    ${oneLine(error.hint)}`);
  for (const problem of error.problems) lines.push(...formatProblem(problem, paint).map((line) => `    ${line}`));
  return lines;
}

/** Phases in which nothing of the tenant has been touched yet. */
const BEFORE_COMMIT: ReadonlySet<string | null> = new Set(['lock', 'stage', 'validate', 'pull']);

function untouchedLine({ error }: ReconcileItem): string[] {
  return BEFORE_COMMIT.has(error?.phase ?? null) ? ['    nothing was changed: the tenant is as it was'] : [];
}

function appliedLines({ applied }: ReconcileItem, verbose: boolean): string[] {
  if (applied === null) return [];
  const total = applied.phases.reduce((sum, phase) => sum + phase.durationMs, 0);
  const phases = applied.phases.map((phase) => `${phase.phase} ${formatSeconds(phase.durationMs)}`).join(', ');
  const lines = [
    `  applied as generation ${applied.generation} in ${formatSeconds(total)}${verbose ? ` (${phases})` : ''}`,
  ];
  if (!verbose) return lines;
  if (applied.recreated.length > 0) lines.push(`    made anew: ${applied.recreated.join(', ')}`);
  if (applied.restarted.length > 0) lines.push(`    restarted: ${applied.restarted.join(', ')}`);
  return lines;
}

function formatSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)}s`;
}

/** Blocks of one line stand together; a longer one has an empty line around it. The summary stands apart. */
function joinBlocks(blocks: readonly (readonly string[])[]): string {
  const filled = blocks.filter((block) => block.length > 0);
  let text = '';
  filled.forEach((block, at) => {
    const before = filled[at - 1];
    const apart = before !== undefined && (before.length > 1 || block.length > 1 || at === filled.length - 1);
    text += `${apart ? '\n' : ''}${block.join('\n')}\n`;
  });
  return text;
}
