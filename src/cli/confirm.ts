import { createInterface } from 'node:readline/promises';
import { FlotillaError } from '../errors.js';
import type { Io } from './io.js';

/**
 * Asks on standard error. Anything but `y` or `yes` is a no, and so is the end of input.
 *
 * @throws FlotillaError UsageInvalid where nobody can answer
 */
export async function confirm(question: string, io: Io): Promise<boolean> {
  if (!io.stdinIsTty || !io.err.isTty) {
    throw new FlotillaError('UsageInvalid', 'there is no terminal to ask on', { hint: 'add --yes to go ahead' });
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
  try {
    const answer = await Promise.race([terminal.question(`${question} [y/N] `), closed]);
    return /^\s*y(es)?\s*$/i.test(answer);
  } finally {
    terminal.close();
  }
}
