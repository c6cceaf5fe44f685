import type { Problem } from '../errors.js';
import { oneLine, visible } from '../plan/format-safe.js';
import { type Paint, plainPaint } from '../plan/format-text.js';

/** A finding in lines: `file:line:column: message`, the text with its caret, the hint. */
export function formatProblem(problem: Problem, paint: Paint = plainPaint): string[] {
  const lines = [`${paint.bold(formatPlace(problem))}: ${paint.red('error')}: ${oneLine(problem.message)}`];
  for (const line of problem.excerpt?.replace(/\n+$/, '').split('\n') ?? [])
    lines.push(paint.dim(`  ${visible(line)}`));
  if (problem.hint !== undefined) lines.push(`  ${oneLine(problem.hint)}`);
  return lines;
}

/** `file`, `file:3` or `file:3:14`: what editors and terminals turn into a link. */
export function formatPlace({ file, line, column }: Problem): string {
  return [file, line, column].filter((part) => part !== undefined).join(':');
}
