import { type DotenvError, type Statement, scanDotenv } from './dotenv-scanner.js';
import {
  addEvaluated,
  type Evaluated,
  type Evaluation,
  evaluateTemplate,
  type Lookup,
  newEvaluated,
  parseTemplate,
} from './interpolation.js';

export type { DotenvError } from './dotenv-scanner.js';

export interface Dotenv {
  values: ReadonlyMap<string, string>;
  /** Sorted. Values stay on the host; names may leave it. */
  names: string[];
  /** Names whose value is empty, sorted. */
  empty: string[];
  /** Names whose value has a `$` that compose eats or expands, not single-quoted and not written `\$`; sorted. */
  suspect: string[];
  /** The 1-based line where an assignment starts, and its (first) name; lines of a longer value are not in it. */
  lineStarts: ReadonlyMap<number, string>;
  /** What compose warns about while it reads the file. Can be pieces of values (`PASS=s3cr$et`): never show them. */
  warned: string[];
}

export interface DotenvOptions {
  /** `service`: an `env_file` of a service, which may hold what the process environment cannot. Default `project`. */
  as?: 'project' | 'service';
  /** Default `eager`. */
  evaluation?: Evaluation;
}

/**
 * Reads a .env file as compose does.
 *
 * @param text the file
 * @param environment variables of the process: they win in references (but not over the assignments in `values`), and
 *   give a bare `NAME` its value
 * @returns what the file defines (the last assignment of a name wins), or why compose could not use it; the reason
 *   never holds text of the file. Never throws.
 * @see experiments with compose 2.26; https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/
 */
export function parseDotenv(
  text: string,
  environment: ReadonlyMap<string, string> = new Map(),
  options: DotenvOptions = {},
): Dotenv | { error: DotenvError } {
  const read = readDotenv(text, (name) => environment.get(name), options.evaluation ?? 'eager');
  if ('error' in read) return read;
  const { values, met, failedAt } = read;
  if (failedAt !== undefined)
    return { error: { line: failedAt, reason: 'a variable that a value requires is not set' } };
  if (options.as !== 'service') {
    const bad = read.statements.find(({ name }) => !environment.has(name) && !fitsProcess(name, values.get(name)));
    if (bad) return { error: { line: bad.line, reason: 'a name is empty or a value holds a NUL character' } };
  }
  const names = [...values.keys()].sort();
  return {
    values,
    names,
    empty: names.filter((name) => values.get(name) === ''),
    suspect: suspectNames(read.statements),
    lineStarts: lineStartsOf(read.statements),
    warned: [...met.warned].sort(),
  };
}

/** A .env file read to its end: failing `:?` and `?` are collected in `met.required`, the first one's line is kept. */
export interface DotenvReading {
  statements: Statement[];
  values: Map<string, string>;
  met: Evaluated;
  failedAt: number | undefined;
}

/**
 * Reads a .env or env_file, and what its values refer to outside the file itself.
 *
 * @param outside a variable from outside the file: it wins over the file's own earlier lines
 * @returns `met.warned`, `plain` and `demanded` hold only the names that the file itself had not defined by then
 */
export function readDotenv(
  text: string,
  outside: Lookup,
  evaluation: Evaluation,
): DotenvReading | { error: DotenvError } {
  const statements = scanDotenv(text);
  if (!Array.isArray(statements)) return statements;
  const values = new Map<string, string>();
  const met = newEvaluated();
  let failedAt: number | undefined;
  for (const { name, value, line } of statements) {
    if (value.kind === 'inherited') {
      const inherited = outside(name);
      if (inherited !== undefined) values.set(name, inherited);
    } else if (value.kind === 'literal') values.set(name, value.text);
    else {
      const here = newEvaluated();
      const result = evaluateTemplate(
        parseTemplate(value.text),
        (key) => outside(key) ?? values.get(key),
        evaluation,
        here,
      );
      if (here.invalid !== undefined) return { error: { line, reason: 'a value holds an invalid variable reference' } };
      addEvaluated(here, met, values);
      if (here.required.length > 0) failedAt ??= line;
      values.set(name, result);
    }
  }
  return { statements, values, met, failedAt };
}

/** Compose puts every variable of .env into its own environment, which takes no empty name and no NUL. */
function fitsProcess(name: string, value: string | undefined): boolean {
  return value === undefined || (name !== '' && !value.includes('\0'));
}

const EXPANDS = /\$(?:\$|\{|[_a-zA-Z\u017F\u212A])/;

function suspectNames(statements: readonly Statement[]): string[] {
  const suspect = new Map<string, boolean>();
  for (const { name, value } of statements) {
    if (value.kind !== 'inherited') suspect.set(name, value.kind === 'template' && EXPANDS.test(value.exposed));
  }
  return [...suspect.keys()].filter((name) => suspect.get(name)).sort();
}

function lineStartsOf(statements: readonly Statement[]): Map<number, string> {
  const starts = new Map<number, string>();
  for (const { name, line, value } of statements) {
    if (value.kind !== 'inherited' && !starts.has(line)) starts.set(line, name);
  }
  return starts;
}
