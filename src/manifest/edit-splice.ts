import { isAlias, isCollection, isScalar, type Pair, parseDocument, type Scalar, type YAMLMap } from 'yaml';

/** Replaces the characters from `start` to `end`. */
export interface Splice {
  start: number;
  end: number;
  replacement: string;
  /** Where the value starts in the text after the splice. */
  valueStart: number;
  previous: string | null;
}

/**
 * How to set one field of a map that was parsed from `text` and touch nothing else: by replacing its scalar, or by
 * adding the field where it is not there. A sentence says why it cannot be done. Pure.
 */
export function spliceField(text: string, map: YAMLMap, field: string, value: string | boolean): Splice | string {
  const pair = map.items.find(({ key }) => isScalar(key) && key.value === field);
  return pair === undefined ? insertField(text, map, field, value) : replaceValue(text, pair, value);
}

/**
 * How to remove the line of a field from a block map, or undefined where it has no line to itself, or shares it with a
 * comment. Pure.
 */
export function removeLine(text: string, map: YAMLMap, field: string): Splice | undefined {
  const pair = map.items.find(({ key }) => isScalar(key) && key.value === field);
  const [key, value] = [pair?.key, pair?.value];
  if (map.flow || map.items.length < 2 || !isScalar(key) || !key.range || !isScalar(value) || !value.range) return;
  const end = endOfLine(text, value.range[1]);
  const isAlone = indentOf(text, key).startsLine && text.slice(value.range[1], end).trim() === '';
  if (!isAlone || text.slice(key.range[0], end).includes('\n')) return;
  const start = text.lastIndexOf('\n', key.range[0] - 1) + 1;
  const next = text.indexOf('\n', end) + 1;
  const previous = String(value.source ?? value.value);
  if (next > 0) return { start, end: next, replacement: '', valueStart: start, previous };
  // Nothing follows: the line break that led here goes with it.
  const before = text.slice(0, start).replace(/\r?\n$/, '').length;
  return { start: before, end: text.length, replacement: '', valueStart: before, previous };
}

function replaceValue(text: string, { value: node }: Pair, value: string | boolean): Splice | string {
  const range = (node as Scalar | null)?.range;
  if (!range || isCollection(node)) return 'a map or list stands where one value is expected';
  const [start, end] = range;
  const written = text.slice(start, end);
  if (isAlias(node)) return replaced(start, end, encode(value), written);
  if (!isScalar(node)) return 'its value cannot be read';
  if (node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED') return 'its value is a block text';
  if (written !== '') return replaced(start, end, encode(value, node), String(node.source ?? node.value));
  const before = /\s/.test(text[start - 1] ?? '') ? '' : ' ';
  const after = /[\s,}\]]/.test(text[end] ?? '\n') ? '' : ' ';
  const replacement = before + encode(value) + after;
  return { start, end, replacement, valueStart: start + before.length, previous: null };
}

function replaced(start: number, end: number, replacement: string, previous: string): Splice {
  return { start, end, replacement, valueStart: start, previous };
}

/** As a YAML scalar; in the quotes of the one that it replaces, or plain where it then reads back as itself. */
function encode(value: string | boolean, like?: Scalar): string {
  if (typeof value === 'boolean') return String(value);
  if (like?.type === 'QUOTE_SINGLE') return `'${value.replace(/'/g, "''")}'`;
  const readsBack = like?.type !== 'QUOTE_DOUBLE' && parseDocument(value, { version: '1.2' }).toJS() === value;
  return readsBack ? value : JSON.stringify(value);
}

function insertField(text: string, map: YAMLMap, field: string, value: string | boolean): Splice | string {
  const neighbour = findNeighbour(text, map);
  if (neighbour !== undefined) return insertAfter(text, map.flow === true, neighbour, field, value);
  if (map.flow !== true) return insertFirst(text, map, field, value);
  const start = (map.range?.[0] ?? 0) + 1;
  if (map.items.length > 0 || !/^\s*}/.test(text.slice(start))) return 'there is no field to put it after';
  const lead = ` ${field}: `;
  return {
    start,
    end: start,
    replacement: `${lead}${encode(value)} `,
    valueStart: start + lead.length,
    previous: null,
  };
}

interface Neighbour {
  key: Scalar;
  /** Where its value ends. */
  end: number;
}

/** The field to put a new one after: `host` if possible, which every instance has, else another with a one-line value. */
function findNeighbour(text: string, map: YAMLMap): Neighbour | undefined {
  const candidates: (Neighbour & { rank: number })[] = [];
  for (const { key, value } of map.items) {
    if (!isScalar(key) || !key.range || !(isScalar(value) || isAlias(value)) || !value.range) continue;
    const end = value.range[1];
    if (value.range[0] === end || text.slice(key.range[0], end).includes('\n')) continue;
    candidates.push({ key, end, rank: NEIGHBOURS.indexOf(String(key.value)) });
  }
  return candidates.sort((a, b) => b.rank - a.rank)[0];
}

/** The last is the best. */
const NEIGHBOURS = ['template', 'fleet', 'host'];

function insertAfter(
  text: string,
  isFlow: boolean,
  { key, end }: Neighbour,
  field: string,
  value: string | boolean,
): Splice | string {
  const { indent, startsLine } = indentOf(text, key);
  const quoted = isFlow && key.type === 'QUOTE_DOUBLE';
  const written = quoted ? JSON.stringify(value) : encode(value);
  const name = `${quoted ? JSON.stringify(field) : field}: `;
  const at = isFlow ? end : endOfLine(text, end);
  const newLine = lineBreakOf(text, at) + indent;
  const lead = (isFlow ? `,${startsLine ? newLine : ' '}` : newLine) + name;
  return { start: at, end: at, replacement: lead + written, valueStart: at + lead.length, previous: null };
}

/** Above the first field of a block map. */
function insertFirst(text: string, map: YAMLMap, field: string, value: string | boolean): Splice | string {
  const first = map.items[0]?.key;
  if (!isScalar(first) || !first.range) return 'there is no field to put it beside';
  const { indent, startsLine } = indentOf(text, first);
  if (!startsLine) return 'its first field does not start a line';
  const at = first.range[0];
  const written = encode(value);
  const replacement = `${field}: ${written}${lineBreakOf(text, at)}${indent}`;
  return { start: at, end: at, replacement, valueStart: at + field.length + 2, previous: null };
}

/** The white space that puts another key below this one. */
function indentOf(text: string, key: Scalar): { indent: string; startsLine: boolean } {
  const start = key.range?.[0] ?? 0;
  const before = text.slice(text.lastIndexOf('\n', start - 1) + 1, start).replace(/^\ufeff/, '');
  return { indent: before.replace(/[^\t]/g, ' '), startsLine: /^[ \t]*$/.test(before) };
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  if (end === -1) return text.length;
  return text[end - 1] === '\r' ? end - 1 : end;
}

/** The line break in use around an offset: that of its line, else the first of the text. */
function lineBreakOf(text: string, offset: number): string {
  const next = text.indexOf('\n', offset);
  const end = next === -1 ? text.indexOf('\n') : next;
  return end > 0 && text[end - 1] === '\r' ? '\r\n' : '\n';
}
