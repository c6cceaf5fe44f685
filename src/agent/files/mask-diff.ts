import type { StructuredPatchHunk } from 'diff';
import { parseDotenv } from '../../compose/dotenv.js';

const MASK = '********';

/**
 * Takes everything out of a diff that could be a value. A line keeps its name only where compose's own grammar says that
 * an assignment starts there; comments, further lines of a value, and files in any other format are masked whole.
 */
export function maskHunks(
  path: string,
  before: string,
  after: string,
  hunks: readonly StructuredPatchHunk[],
): StructuredPatchHunk[] {
  const namesBefore = assignments(path, before);
  const namesAfter = assignments(path, after);
  return hunks.map((hunk) => {
    let old = hunk.oldStart;
    let now = hunk.newStart;
    const lines = hunk.lines.map((line) => {
      const sign = line[0];
      if (sign === '-') return `-${maskLine(line.slice(1), [namesBefore.get(old++)])}`;
      if (sign === '+') return `+${maskLine(line.slice(1), [namesAfter.get(now++)])}`;
      // "\ No newline at end of file", the words of the diff itself.
      if (sign !== ' ') return line;
      // The same bytes can be an assignment in one file and part of a longer value in the other.
      return ` ${maskLine(line.slice(1), [namesBefore.get(old++), namesAfter.get(now++)])}`;
    });
    return { ...hunk, lines };
  });
}

/** @param names that the line assigns, as each of the files it is in says */
function maskLine(line: string, names: readonly (string | undefined)[]): string {
  const name = names[0];
  if (name === undefined || names.some((other) => other !== name)) return MASK;
  const found = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*[=:](.*)$/.exec(line.replace(/^\uFEFF/, ''));
  if (found?.[1] !== name) return MASK;
  // The last line of something base64 without quotes reads like an empty variable.
  if (/^[\s=]*$/.test(found[2] ?? '') && !/^[A-Z_][A-Z0-9_]*$/.test(name)) return MASK;
  return `${name}=${MASK}`;
}

/** Line number, from 1, to the name assigned there. None for a file that is no dotenv file or that compose would refuse. */
function assignments(path: string, text: string): ReadonlyMap<number, string> {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (name !== '.env' && !name.startsWith('.env.') && !name.endsWith('.env')) return new Map();
  const dotenv = parseDotenv(text);
  return 'error' in dotenv ? new Map() : dotenv.lineStarts;
}
