import { expandEscapes } from './dotenv-escapes.js';

/** One assignment, or a bare name that asks for the environment's value. */
export interface Statement {
  name: string;
  /** 1-based line and 0-based position where the statement starts. */
  line: number;
  start: number;
  value:
    | { kind: 'inherited' }
    /** Single quotes: taken as it is. */
    | { kind: 'literal'; text: string }
    /** Interpolated; `exposed` is the same text with deliberate `\$` taken out, to look for other dollars. */
    | { kind: 'template'; text: string; exposed: string };
}

/** Why a file cannot be read. `reason` never holds text of the file: its values are secrets. */
export interface DotenvError {
  line?: number;
  reason: string;
}

// Two notions of space, both narrower or wider than \s: blanks within a line, and what Unicode calls white space.
const BLANK = /[\t\v\f\r \u0085\u00a0]*/y;
const SPACE = /[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*/y;
const TRAILING_SPACE = /[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]$/;
const EXPORT = /export[\t\n\f\r ]+/y;
const NAME_CHARS = /(?:[\t\v\f\r \u0085\u00a0_.\-[\]]|\p{L}|\p{N})*/uy;

/**
 * Splits the text of a .env file into statements, as compose does: the first `=` or `:` separates, comments start at
 * ` #` outside quotes, quotes count only at the start of a value, and quoted values may hold newlines.
 *
 * @returns the statements in the order of the file, or why compose cannot read it. Never throws.
 */
export function scanDotenv(source: string): Statement[] | { error: DotenvError } {
  const text = source.startsWith('\ufeff') ? source.slice(1) : source;
  const lineAt = lineCounter(text);
  const statements: Statement[] = [];
  for (let at = statementStart(text, 0); at < text.length; at = statementStart(text, at)) {
    const start = at;
    const key = scanKey(text, at);
    if ('reason' in key) return { error: { line: lineAt(start), reason: key.reason } };
    const value = key.inherited ? ({ kind: 'inherited', end: key.end } as const) : scanValue(text, key.end);
    if (value === undefined) return { error: { line: lineAt(start), reason: 'a quoted value is not closed' } };
    const { end, ...rest } = value;
    statements.push({ name: key.name, line: lineAt(start), start, value: rest });
    at = end;
  }
  return statements;
}

function statementStart(text: string, from: number): number {
  let at = skip(SPACE, text, from);
  while (text[at] === '#') {
    const newline = text.indexOf('\n', at);
    if (newline === -1) return text.length;
    at = skip(SPACE, text, newline);
  }
  return at;
}

function scanKey(text: string, from: number): { name: string; inherited: boolean; end: number } | { reason: string } {
  EXPORT.lastIndex = from;
  const start = EXPORT.test(text) ? skip(BLANK, text, from + 'export'.length) : from;
  if (start >= text.length) return { reason: 'export without a name' };
  const end = skip(NAME_CHARS, text, start);
  // A name that the end of the file cuts off is, to compose, a value without a name.
  if (end >= text.length) return { name: '', inherited: false, end: start };
  const separator = text[end];
  if (separator !== '=' && separator !== ':' && separator !== '\n') {
    return { reason: 'a name holds a character that names cannot have' };
  }
  const name = trimEnd(text.slice(start, end));
  if (name.includes(' ')) return { reason: 'a name holds a space' };
  return { name, inherited: separator === '\n', end: skip(BLANK, text, end + 1) };
}

function scanValue(
  text: string,
  from: number,
):
  | (({ kind: 'literal'; text: string } | { kind: 'template'; text: string; exposed: string }) & { end: number })
  | undefined {
  const quote = text[from];
  if (quote !== '"' && quote !== "'") {
    const newline = text.indexOf('\n', from);
    const line = text.slice(from, newline === -1 ? text.length : newline);
    const comment = line.indexOf(' #');
    const value = trimEnd(comment === -1 ? line : line.slice(0, comment));
    return { kind: 'template', text: value, exposed: value, end: newline === -1 ? text.length : newline + 1 };
  }
  let value = '';
  for (let at = from + 1; at < text.length; at++) {
    const char = text[at] as string;
    if (char === quote) {
      if (quote === "'") return { kind: 'literal', text: value, end: at + 1 };
      return { kind: 'template', text: expandEscapes(value, '$$'), exposed: expandEscapes(value, '\0'), end: at + 1 };
    }
    if (char === '\\' && at + 1 < text.length) {
      at++;
      value += text[at] === quote ? quote : `\\${text[at]}`;
    } else value += char;
  }
  return undefined;
}

function skip(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  pattern.test(text);
  return pattern.lastIndex;
}

function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && TRAILING_SPACE.test(text[end - 1] as string)) end--;
  return text.slice(0, end);
}

/** The 1-based line of a position; positions asked for must not fall. */
function lineCounter(text: string): (at: number) => number {
  let line = 1;
  let seen = 0;
  return (at) => {
    for (let next = text.indexOf('\n', seen); next !== -1 && next < at; next = text.indexOf('\n', seen)) {
      line++;
      seen = next + 1;
    }
    return line;
  };
}
