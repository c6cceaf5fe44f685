import type { Problem } from '../errors.js';
import { positionAt, type SourceText } from './source-text.js';

const BRACES =
  '`${{{` is refused: mustache takes all three braces as its own, and the braces that compose needs are lost';
const VALUE = '`${{` is refused: the value would follow the dollar sign, and compose would read both as a variable';
const EITHER = `for a value of the view write {{NAME}}, for a variable of the tenant \${NAME}`;
const BRACES_HINT = `${EITHER}; for both in one, change the delimiters: {{=<% %>=}}\${<% NAME %>}<%={{ }}=%>`;
const VALUE_HINT = `${EITHER}; for a dollar sign before a value write $\${{NAME}}, or where compose does not read the file {{=<% %>=}}$<% NAME %>`;

/**
 * A dollar sign right before a tag is never what it looks like. `${{{X}}}` renders to `$value`: the braces are gone, and
 * compose reads a variable named by the value. `${{X}}` renders to the same. After an even number of dollars more
 * (`$${{X}}`) compose reads a literal dollar sign, which is fine.
 */
export function explainDollar(source: SourceText, at: number): Problem[] {
  const { text } = source;
  if (text[at - 1] !== '$' || !text.startsWith('{{', at)) return [];
  if (text.startsWith('{{{', at)) return [problemAt(source, at - 1, BRACES, BRACES_HINT)];
  let dollars = 1;
  while (text[at - 1 - dollars] === '$') dollars++;
  return dollars % 2 === 1 ? [problemAt(source, at - 1, VALUE, VALUE_HINT)] : [];
}

/** Says where mustache's parser stopped, and why, in the words of who wrote the template. */
export function explainParseError(source: SourceText, error: unknown): Problem[] {
  const { text } = source;
  const swallowed = [...text.matchAll(/\$\{\{\{/g)].map(({ index }) => problemAt(source, index, BRACES, BRACES_HINT));
  if (swallowed.length > 0) return swallowed;
  const message = error instanceof Error ? error.message : '';
  const found = /^(Unclosed tag|Unopened section|Unclosed section)(?: "(.*)")? at (\d+)$/s.exec(message);
  const [, what, name = '', position] = found ?? [];
  const at = Number(position ?? 0);
  if (what === 'Unclosed tag') return [problemAt(source, openTag(text), 'this tag does not close')];
  if (what === 'Unopened section') return [problemAt(source, at, `{{/${name}}} closes a section that is not open`)];
  if (what === 'Unclosed section') {
    const before = at >= text.length ? 'the end of the file' : `the tag on line ${positionAt(source, at).line}`;
    return [problemAt(source, openSection(text, name, at), `section ${name} is not closed before ${before}`)];
  }
  const invalid = Math.max(0, text.search(/\{\{=/));
  return [problemAt(source, invalid, 'these are no delimiters: write two, with a space between, as in {{=<% %>=}}')];
}

/** The last tag that opens and has nothing after it that would close it. */
function openTag(text: string): number {
  const triple = text.lastIndexOf('{{{');
  if (triple !== -1 && !text.includes('}}}', triple)) return triple;
  return Math.max(0, text.lastIndexOf('{{'));
}

/** Where the innermost section `name` that is still open at `end` was opened. */
function openSection(text: string, name: string, end: number): number {
  const open: number[] = [];
  for (const { index, 0: tag, 1: kind, 2: found } of text.slice(0, end).matchAll(/\{\{\s*([#^/])\s*([^}]*?)\s*\}\}/g)) {
    if (found !== name) continue;
    if (kind === '/') open.pop();
    else open.push(index + tag.indexOf('{{'));
  }
  return open.at(-1) ?? Math.min(end, Math.max(0, text.length - 1));
}

function problemAt(source: SourceText, at: number, message: string, hint?: string): Problem {
  const problem: Problem = { code: 'TemplateInvalid', message, file: source.file, ...positionAt(source, at) };
  return hint === undefined ? problem : { ...problem, hint };
}
