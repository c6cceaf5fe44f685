import { excerptOf, type Position } from '../manifest/source-text.js';

/** A text that a person wrote, as mustache was given it. */
export interface SourceText {
  /** As shown in problems. */
  file: string;
  text: string;
  /**
   * For a partial: how many characters mustache put before its lines, and whether before the first line too. Positions
   * are given as in the file, without them.
   */
  indent: number;
  indentsFirst: boolean;
}

export function newSource(file: string, text: string): SourceText {
  return { file, text, indent: 0, indentsFirst: false };
}

/** Where a character stands in its file. An offset behind the end means the end. */
export function positionAt(source: SourceText, offset: number): Position {
  const { text, indent, indentsFirst } = source;
  const at = Math.min(offset, text.length);
  const start = at === 0 ? 0 : text.lastIndexOf('\n', at - 1) + 1;
  const next = text.indexOf('\n', at);
  let line = 1;
  for (let i = text.indexOf('\n'); i !== -1 && i < at; i = text.indexOf('\n', i + 1)) line++;
  const shown = text.slice(start, next === -1 ? text.length : next).replace(/\r$/, '');
  const added = indent > 0 && shown.length > indent && (line > 1 || indentsFirst) ? indent : 0;
  const column = Math.max(0, at - start - added);
  return { line, column: column + 1, excerpt: excerptOf(shown.slice(added), column + 1) };
}
