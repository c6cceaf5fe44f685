/** A text that a person wrote, and where things are in it. */
export interface SourceText {
  /** The path to show, as the operator would type it. */
  readonly file: string;
  readonly text: string;
  /** The line of an offset, from 1. */
  lineAt(offset: number): number;
  /** Line and column (in UTF-16 code units, both from 1) and the line with a caret below it. */
  positionAt(offset: number): Position;
}

export interface Position {
  line: number;
  column: number;
  excerpt: string;
}

/** Line starts are found at the first question, once. */
export function createSourceText(file: string, text: string): SourceText {
  let starts: number[] | undefined;
  const lineStarts = () => {
    starts ??= findLineStarts(text);
    return starts;
  };
  const lineAt = (offset: number) => lineIndexOf(lineStarts(), offset) + 1;
  return {
    file,
    text,
    lineAt,
    positionAt(offset) {
      const line = lineAt(offset);
      const start = lineStarts()[line - 1] ?? 0;
      const next = lineStarts()[line] ?? text.length + 1;
      const content = text.slice(start, next - 1).replace(/\r$/, '');
      const column = Math.min(Math.max(offset - start, 0), content.length) + 1;
      return { line, column, excerpt: excerptOf(content, column) };
    },
  };
}

const BYTE_ORDER_MARK = 0xfeff;
const WIDEST_EXCERPT = 120;

function findLineStarts(text: string): number[] {
  const starts = [text.charCodeAt(0) === BYTE_ORDER_MARK ? 1 : 0];
  for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', end + 1)) starts.push(end + 1);
  return starts;
}

function lineIndexOf(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

/**
 * The line, and below it a caret under `column` (from 1). A long line is cut to the part around the caret. Control
 * characters are shown as `?`: a manifest cannot reach the terminal through an error. Tabs are kept, under tabs.
 */
export function excerptOf(line: string, column: number): string {
  const from = line.length <= WIDEST_EXCERPT ? 0 : Math.max(0, Math.min(column - 1 - 60, line.length - WIDEST_EXCERPT));
  const to = Math.min(line.length, from + WIDEST_EXCERPT);
  const shown = (from > 0 ? '…' : '') + line.slice(from, to) + (to < line.length ? '…' : '');
  const before = shown.slice(0, column - 1 - from + (from > 0 ? 1 : 0));
  return `${shown.replace(CONTROL, '?')}\n${before.replace(/[^\t]/g, ' ')}^`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to keep off a terminal
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;
