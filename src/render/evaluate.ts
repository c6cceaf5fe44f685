import type { Problem } from '../errors.js';
import { type Node, shownName, type Tag } from './compile-mustache.js';
import { findInScope, MISSING, nearestInScope, type Scope } from './scope.js';
import { newShape, type Shape, shapeText, shapeWord } from './shape.js';
import { positionAt, type SourceText } from './source-text.js';
import type { View } from './view.js';

export interface Evaluated {
  text: string;
  /** The text with its values marked; null when it was not asked for, or cannot be had. */
  shape: Shape | null;
  findings: readonly Finding[];
}

/** Something in a template that this view has no answer for. */
export interface Finding {
  name: string;
  problem: Problem;
}

/** Where a piece of the output came from. */
export interface Trace {
  offset: number;
  source: SourceText;
  at: number;
  literal: boolean;
}

export interface EvaluateOptions {
  shape?: boolean;
  /** Filled with one entry a piece of output, in order. */
  trace?: Trace[];
}

const LONGEST = 16 * 1024 * 1024;
const MOST_STEPS = 1_000_000;

/**
 * Renders parsed nodes with a view, without escaping. The output is what mustache gives; but where mustache puts nothing
 * for a name that it does not know, or for null, or `[object Object]` for a map, there is a finding. Parts that a section
 * leaves out are not looked at.
 */
export function evaluate(nodes: readonly Node[], view: View, options: EvaluateOptions = {}): Evaluated {
  const only = nodes.length === 1 && nodes[0]?.kind === 'text' && !options.trace ? nodes[0].text : undefined;
  if (only !== undefined)
    return { text: only, shape: options.shape ? shapeText(newShape(), only) : null, findings: [] };
  const run: Run = {
    text: '',
    shape: options.shape ? newShape() : null,
    trace: options.trace ?? null,
    scope: [view],
    findings: new Map(),
    seen: new Set(),
    steps: 0,
  };
  runNodes(nodes, run);
  return { text: run.text, shape: run.shape, findings: [...run.findings.values()].sort(byPlace) };
}

function byPlace({ problem: a }: Finding, { problem: b }: Finding): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}

interface Run {
  text: string;
  shape: Shape | null;
  trace: Trace[] | null;
  scope: Scope;
  /** By place and message: a loop finds the same again with every element, a partial wherever it is included. */
  findings: Map<string, Finding>;
  seen: Set<string>;
  steps: number;
}

function runNodes(nodes: readonly Node[], run: Run): void {
  run.steps += nodes.length + 1;
  for (const node of nodes) {
    if (run.steps > MOST_STEPS || run.text.length > LONGEST) {
      tooLarge(node, run);
      return;
    }
    switch (node.kind) {
      case 'text':
        run.trace?.push({ offset: run.text.length, source: node.source, at: node.at, literal: true });
        run.text += node.text;
        if (run.shape) shapeText(run.shape, node.text);
        break;
      case 'value':
        runValue(node, run);
        break;
      case 'partial':
        runNodes(node.nodes, run);
        break;
      case 'section':
        runSection(node, run);
        break;
      case 'inverted':
        runInverted(node, run);
        break;
    }
  }
}

function runValue(tag: Tag, run: Run): void {
  const value = findInScope(run.scope, tag.path);
  if (value === MISSING) {
    unknown(tag, 'variable', run);
  } else if (typeof value === 'object') {
    const found = value === null ? 'null' : Array.isArray(value) ? 'a list' : 'a map';
    const hint = value === null ? 'give it a value, or put it in a section {{#NAME}}...{{/NAME}}' : undefined;
    find(tag, `${shownName(tag.name)} is ${found}, not a text`, hint, run);
  } else {
    const text = String(value);
    run.trace?.push({ offset: run.text.length, source: tag.source, at: tag.at, literal: false });
    run.text += text;
    if (run.shape) shapeWord(run.shape, text);
  }
}

function runSection(node: Tag & { nodes: readonly Node[] }, run: Run): void {
  const value = findInScope(run.scope, node.path);
  if (value === MISSING) unknown(node, 'section', run);
  else if (value === true) runNodes(node.nodes, run);
  else if (value) {
    for (const element of Array.isArray(value) ? value : [value]) {
      run.scope.push(element);
      runNodes(node.nodes, run);
      run.scope.pop();
    }
  }
}

function runInverted(node: Tag & { nodes: readonly Node[] }, run: Run): void {
  const value = findInScope(run.scope, node.path);
  if (value === MISSING) unknown(node, 'section', run);
  else if (!value || (Array.isArray(value) && value.length === 0)) runNodes(node.nodes, run);
}

function unknown(tag: Tag, kind: 'variable' | 'section', run: Run): void {
  const near = nearestInScope(run.scope, tag.path);
  const declare =
    kind === 'section' ? 'what may be absent must be declared: set it to null, false or empty' : undefined;
  const hint = near === undefined ? declare : `did you mean ${near}?`;
  find(tag, `unknown ${kind} ${shownName(tag.name)}`, hint, run);
}

function find(tag: Tag, message: string, hint: string | undefined, run: Run): void {
  const place = `${tag.source.file}\0${tag.source.indent}\0${tag.at}\0${message}`;
  if (run.seen.has(place)) return;
  run.seen.add(place);
  const position = positionAt(tag.source, tag.at);
  const problem: Problem = { code: 'RenderFailed', message, file: tag.source.file, ...position };
  if (hint !== undefined) problem.hint = hint;
  run.findings.set(`${tag.source.file}:${position.line}:${position.column}:${message}`, { name: tag.name, problem });
}

function tooLarge({ source, at }: Node, run: Run): void {
  const message = `renders to more than ${LONGEST / 1024 / 1024} MiB, or in more than ${MOST_STEPS} steps`;
  const problem: Problem = { code: 'RenderFailed', message, file: source.file, ...positionAt(source, at) };
  if (!run.findings.has('too large')) run.findings.set('too large', { name: '', problem });
}
