import { formatProblem } from '../controller/format-problem.js';
import { FlotillaError } from '../errors.js';
import { oneLine } from '../plan/format-safe.js';
import type { Paint } from '../plan/format-text.js';

/**
 * Every error that ends a command, as the one message that is printed for it; ends in a line feed.
 * Of an error that we did not raise only the kind is shown when its message could quote a subprocess.
 */
export function formatError(error: unknown, paint: Paint): string {
  const lines = error instanceof FlotillaError ? describeOwn(error, paint) : describeForeign(error, paint);
  return lines.map((line) => `${line}\n`).join('');
}

function describeOwn(error: FlotillaError, paint: Paint): string[] {
  const lines = error.problems.flatMap((problem) => formatProblem(problem, paint));
  const phase = error.phase === undefined ? '' : ` during ${error.phase}`;
  lines.push(`${paint.red('error')}: ${oneLine(error.message)} (${error.code}${phase})`);
  if (error.hint !== undefined) lines.push(`  ${oneLine(error.hint)}`);
  return lines;
}

function describeForeign(error: unknown, paint: Paint): string[] {
  if (!(error instanceof Error)) return [`${paint.red('error')}: unexpected ${typeof error} was thrown`];
  const quotesProcess = 'stderr' in error || 'shortMessage' in error;
  const message = quotesProcess ? '' : `: ${oneLine(error.message)}`;
  const where = error.stack
    ?.split('\n')
    .find((line) => line.startsWith('    at '))
    ?.trim();
  return [
    `${paint.red('error')}: unexpected ${error.name}${message}`,
    ...(where === undefined ? [] : [paint.dim(`  ${where}`)]),
    '  this is a bug in flotilla: please report it with the command that you ran',
  ];
}
