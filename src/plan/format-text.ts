import type { EnvCoverage } from '../compose/env-coverage.js';
import { describeOperation } from './format-operation.js';
import { oneLine, visible } from './format-safe.js';
import { missingVariables } from './format-variables.js';
import type { ContainerChange, FileChange, FileStatus, Gate, Operation, Plan } from './plan.js';

/** Colours a text, or returns it as it is. */
type Brush = (text: string) => string;
export type Paint = Readonly<Record<'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan', Brush>>;

const asIs: Brush = (text) => text;
export const plainPaint: Paint = { bold: asIs, dim: asIs, red: asIs, green: asIs, yellow: asIs, cyan: asIs };

/** One file's diff, as the host made it. */
export interface DiffText {
  path: string;
  diff: string;
  truncated: boolean;
  omittedLines: number;
}

export interface PlanTextOptions {
  paint: Paint;
  /** Show the diffs. */
  diffs: boolean;
  /** Show the steps. */
  steps: boolean;
  /** Show every write by itself, and diffs that were shown before. */
  verbose: boolean;
  /** Diffs that were shown, and for which instance: a fleet's upgrade shows an equal diff once. */
  shown?: Map<string, string>;
}

/**
 * A plan as a person reads it: why it waits, variables, warnings, files, containers, steps, diffs.
 * Returns lines, indented by two. An empty plan without remarks gives no lines.
 */
export function formatPlanText(plan: Plan, diffs: readonly DiffText[], options: PlanTextOptions): string[] {
  const { paint } = options;
  return [
    ...gateLines(plan.gate, paint),
    ...variableLines(plan.envCoverage, paint),
    ...plan.warnings.map((warning) => `  ${paint.yellow('warning')}: ${oneLine(warning)}`),
    ...fileLines(plan.files, paint),
    ...containerLines(plan, paint),
    ...(options.steps ? stepLines(plan.operations, options) : []),
    ...(options.diffs ? diffLines(plan, diffs, options) : []),
  ];
}

function gateLines(gate: Gate | null, paint: Paint): string[] {
  if (gate === null) return [];
  const label = gate.blocked ? paint.red('refused') : paint.yellow('waiting');
  const lines = [`  ${label}: ${oneLine(gate.message)}`];
  if (gate.hint !== undefined) lines.push(`    ${oneLine(gate.hint)}`);
  return lines;
}

function variableLines(coverage: EnvCoverage | null, paint: Paint): string[] {
  const missing = missingVariables(coverage);
  if (missing.length === 0) return [];
  const width = widest(missing.map((variable) => variable.name));
  return [
    "  variables that the compose file needs and the tenant's .env lacks",
    ...missing.map(({ name, newly, blocking }) => {
      const since = newly ? 'newly needed' : 'lacking before too';
      const effect = blocking ? 'compose refuses to start without it' : 'compose puts an empty string';
      const label = blocking ? `${since}, ${paint.red('refused')}: ${effect}` : `${since}: ${effect}`;
      return `    ${(newly ? paint.yellow : paint.dim)(visible(name).padEnd(width))}  ${label}`;
    }),
  ];
}

const STATUS_BRUSH: Record<FileStatus, keyof Paint> = {
  created: 'green',
  modified: 'yellow',
  deleted: 'red',
  kept: 'dim',
  unchanged: 'dim',
};

function fileLines(files: readonly FileChange[], paint: Paint): string[] {
  const changes = files.filter((file) => file.status !== 'unchanged');
  if (changes.length === 0) return [];
  const width = widest(changes.map((file) => visible(file.path)));
  return [
    '  files',
    ...changes.map((file) => {
      const status = paint[STATUS_BRUSH[file.status]](file.status.padEnd(8));
      const secret = file.sensitive ? paint.dim(' (sensitive: values masked)') : '';
      return `    ${status}  ${visible(file.path).padEnd(width)}  ${oneLine(file.reason)}${secret}`;
    }),
  ];
}

function containerLines(plan: Plan, paint: Paint): string[] {
  if (plan.containers === null) {
    return plan.operations.length === 0
      ? []
      : [paint.dim('  containers: left out of this preview, and with them pull, up and verify')];
  }
  const busy = plan.containers.filter((container) => container.action !== 'none');
  if (busy.length === 0) return [];
  const width = widest(busy.map((container) => container.service));
  const idle = plan.containers.filter((container) => container.action === 'none').map((container) => container.service);
  return [
    '  containers',
    ...busy.map((container) => containerLine(container, width, paint)),
    ...(idle.length === 0 ? [] : [paint.dim(`    ${'nothing'.padEnd(8)}  ${idle.map(visible).join(', ')}`)]),
  ];
}

function containerLine({ service, action, cause }: ContainerChange, width: number, paint: Paint): string {
  const brush = action === 'remove' ? paint.red : action === 'create' ? paint.green : paint.yellow;
  return `    ${brush(action.padEnd(8))}  ${visible(service).padEnd(width)}  ${oneLine(cause)}`;
}

function stepLines(operations: readonly Operation[], { verbose, paint }: PlanTextOptions): string[] {
  if (operations.length === 0) return [];
  const steps = verbose ? operations.map(describeOperation) : describeSteps(operations);
  const width = String(steps.length).length;
  return ['  steps', ...steps.map((step, at) => `    ${paint.dim(`${String(at + 1).padStart(width)}.`)} ${step}`)];
}

/** The list of files has said it all: writes and removals become one step, where the first of them stands. */
export function describeSteps(operations: readonly Operation[]): string[] {
  const isFile = (operation: Operation) => operation.kind === 'write' || operation.kind === 'remove';
  const first = operations.findIndex(isFile);
  return operations.flatMap((operation, at) => {
    if (at === first) return summarizeFileSteps(operations);
    return isFile(operation) ? [] : describeOperation(operation);
  });
}

/** `write 3 files, remove 1 file`. */
function summarizeFileSteps(operations: readonly Operation[]): string {
  const writes = operations.filter((operation) => operation.kind === 'write').length;
  const removals = operations.filter((operation) => operation.kind === 'remove').length;
  const words = [
    writes > 0 ? `write ${count(writes, 'file')}` : '',
    removals > 0 ? `remove ${count(removals, 'file')}` : '',
  ];
  return words.filter((word) => word !== '').join(', ');
}

function diffLines({ slug, files }: Plan, diffs: readonly DiffText[], options: PlanTextOptions): string[] {
  const { paint, verbose } = options;
  // Masked diffs look alike whatever they hide, so they are never called the same.
  const masked = new Set(files.filter((file) => file.sensitive).map((file) => file.path));
  const lines: string[] = [];
  for (const diff of diffs) {
    const shown = verbose || masked.has(diff.path) ? undefined : options.shown;
    const before = shown?.get(diff.diff);
    if (before !== undefined) {
      lines.push(`  ${paint.dim(`${visible(diff.path)}: the same diff as ${before}`)}`);
      continue;
    }
    shown?.set(diff.diff, `${visible(diff.path)} of ${slug}`);
    for (const line of formatDiffText(diff, paint)) lines.push(`  ${line}`);
  }
  return lines;
}

/** A unified diff in lines, coloured. What is no diff (a sentence on a binary file) follows its path. */
export function formatDiffText({ path, diff, truncated, omittedLines }: DiffText, paint: Paint): string[] {
  const text = diff.endsWith('\n') ? diff.slice(0, -1) : diff;
  const isUnified = /^@@ /m.test(text);
  if (!isUnified) return [`${paint.bold(visible(path))}: ${oneLine(text)}`];
  const raw = text.split('\n');
  const headed = raw[0]?.startsWith('--- ') ?? false;
  const lines = headed ? [] : [paint.bold(`--- ${visible(path)}`), paint.bold(`+++ ${visible(path)}`)];
  let inHunk = false;
  for (const line of raw) {
    inHunk ||= line.startsWith('@@ ');
    lines.push(paintDiffLine(visible(line), inHunk, paint));
  }
  if (truncated) lines.push(paint.dim(`... ${count(omittedLines, 'more line')} left out`));
  return lines;
}

function paintDiffLine(line: string, inHunk: boolean, paint: Paint): string {
  if (!inHunk) return paint.bold(line);
  if (line.startsWith('@@ ')) return paint.cyan(line);
  if (line.startsWith('+')) return paint.green(line);
  if (line.startsWith('-')) return paint.red(line);
  return line;
}

/** `1 file`, `2 files`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function widest(texts: readonly string[]): number {
  return texts.reduce((width, text) => Math.max(width, text.length), 0);
}
