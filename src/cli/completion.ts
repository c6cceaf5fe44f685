import { script } from '@bomb.sh/tab';
import { FlotillaError } from '../errors.js';
import { nearestName } from '../manifest/nearest.js';
import { EXIT_DONE } from './exit-code.js';
import type { Io } from './io.js';

const SHELLS = ['bash', 'zsh', 'fish'];

/** `flotilla completion SHELL`: a script that asks `flotilla complete` at each press of the key. */
export async function completionCommand({ shell }: { shell: string }, { io }: { io: Io }): Promise<number> {
  if (!SHELLS.includes(shell)) {
    const near = nearestName(shell, SHELLS);
    throw new FlotillaError('UsageInvalid', `there is no completion for "${shell}"`, {
      hint: near ? `did you mean "${near}"?` : `shells are ${SHELLS.join(', ')}`,
    });
  }
  await io.out.write(`${mend(capture(() => script(shell, 'flotilla', 'flotilla')))}\n`);
  return EXIT_DONE;
}

/** The library prints by console.log and gives no text. */
function capture(print: () => void): string {
  const lines: string[] = [];
  const original = console.log;
  console.log = (text: string) => lines.push(text);
  try {
    print();
  } finally {
    console.log = original;
  }
  return lines.join('\n');
}

/**
 * Two faults of the bash script: read-only globals make a second sourcing fail, and words are evaluated unquoted, which
 * would run a command substitution that is only being typed.
 */
function mend(text: string): string {
  return text
    .replace(/^readonly (ShellCompDirective\w+=)/gm, '$1')
    .replace(/complete -- (\$\{words\[@\]:1\})"/, `complete -- $(printf '%q ' "$1")"`);
}
