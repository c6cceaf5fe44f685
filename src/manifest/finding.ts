import { type Document, isMap, isScalar, isSeq, type ParsedNode, type Scalar } from 'yaml';
import type { ErrorCode, Problem } from '../errors.js';
import type { DocumentPlace } from './manifest-document.js';
import type { SourceText } from './source-text.js';

export type PathPart = string | number;

/** Something wrong in a document, by path: where that is in the text is only worked out when it is reported. */
export interface Finding {
  code: ErrorCode;
  message: string;
  /** From the document's root. The part of it that is not there is ignored. */
  path: readonly PathPart[];
  /** Whether the caret goes to the last key of the path or to its value; by default the value. */
  at?: 'key' | 'value';
  hint?: string;
  /** The value was meant as text: hint at quotes around what is written there. */
  needsQuotes?: boolean;
}

/** A finding about one document among many. */
export interface PlacedFinding extends Finding {
  place: DocumentPlace;
}

/** What an operator is shown for a finding in a document whose offsets count from `base` in the source. */
export function locateFinding(
  source: SourceText,
  document: Document.Parsed<ParsedNode>,
  base: number,
  finding: Finding,
): Problem {
  const { offset, node } = findNode(document, finding);
  const hint = finding.needsQuotes ? quoteHint(node) : finding.hint;
  return {
    code: finding.code,
    message: finding.message,
    file: source.file,
    ...source.positionAt(base + offset),
    ...(hint === undefined ? {} : { hint }),
  };
}

/** The offset in the document of what a finding is about, as near as the document has it, and the node there. */
function findNode(document: Document.Parsed<ParsedNode>, { path, at }: Finding): { offset: number; node?: unknown } {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? document.range[0];
  for (const [depth, part] of path.entries()) {
    const child = childOf(node, part);
    if (child === undefined) return { offset };
    node = child.value;
    const wantsKey = at === 'key' && depth === path.length - 1;
    offset = (wantsKey ? startOf(child.key) : (startOf(node) ?? startOf(child.key))) ?? offset;
  }
  return { offset, node };
}

function childOf(node: unknown, part: PathPart): { key: unknown; value: unknown } | undefined {
  if (isSeq(node)) return typeof part === 'number' ? { key: node.items[part], value: node.items[part] } : undefined;
  if (!isMap(node)) return undefined;
  return node.items.find(({ key }) => isScalar(key) && String(key.value) === part);
}

function startOf(node: unknown): number | undefined {
  const range = (node as { range?: readonly number[] } | null | undefined)?.range;
  return range?.[0];
}

function quoteHint(node: unknown): string {
  const written = isScalar(node) ? (node as Scalar).source : undefined;
  return written ? `put it in quotes: "${written.replace(/["\\]/g, '\\$&')}"` : 'put it in quotes';
}
