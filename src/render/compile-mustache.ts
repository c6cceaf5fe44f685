import Mustache from 'mustache';
import type { Problem } from '../errors.js';
import { nearestName } from '../manifest/nearest.js';
import { explainDollar, explainParseError } from './explain-mustache.js';
import { newSource, positionAt, type SourceText } from './source-text.js';

/** One step of a parsed template. Every node knows the text it was written in, so a partial's nodes point into the partial. */
export type Node =
  | { kind: 'text'; text: string; source: SourceText; at: number }
  | ({ kind: 'value' } & Tag)
  | ({ kind: 'section' | 'inverted' } & Tag & { nodes: readonly Node[] })
  | { kind: 'partial'; nodes: readonly Node[]; source: SourceText; at: number };

export interface Tag {
  /** As written between the braces. */
  name: string;
  /** The name split at its dots; `['.']` is the current element. */
  path: readonly string[];
  source: SourceText;
  /** Offset of the opening braces. */
  at: number;
}

/** The texts of a template's partials by name, and what has been compiled of them. */
export interface Partials {
  texts: ReadonlyMap<string, { file: string; text: string }>;
  compiled: Map<string, readonly Node[]>;
}

export interface Compiled {
  nodes: readonly Node[];
  problems: readonly Problem[];
}

/** What mustache's parser gives: [kind, value, start, end], then children, or for a partial indentation, tag index, text before. */
type Token = [
  kind: string,
  value: string,
  start: number,
  end: number,
  rest?: Token[] | string,
  index?: number,
  inline?: boolean,
];

const DELIMITERS = ['{{', '}}'] as [string, string];
const DEEPEST = 64;

/**
 * Parses a template text once, with mustache's own parser, and resolves its partials.
 *
 * Unknown partials, partials that include themselves, tags that do not close, and a `$` right before a tag are problems
 * of the template, whatever the instance. Other delimiters (`{{=<% %>=}}`) work as in mustache.
 *
 * @param partial the name of the text, where it is a partial itself
 */
export function compileMustache(file: string, text: string, partials: Partials, partial?: string): Compiled {
  const problems: Problem[] = [];
  const chain = partial === undefined ? [] : [partial];
  const nodes = compileText(newSource(file, text), { partials, problems, chain });
  return { nodes, problems };
}

interface Compiling {
  partials: Partials;
  problems: Problem[];
  /** The partials being compiled, outermost first. */
  chain: readonly string[];
}

function compileText(source: SourceText, compiling: Compiling): readonly Node[] {
  let tokens: Token[];
  try {
    tokens = parser().parse(source.text, DELIMITERS) as Token[];
  } catch (error) {
    compiling.problems.push(...explainParseError(source, error));
    return [];
  }
  return compileTokens(tokens, source, compiling, 0);
}

/** A writer without mustache's cache, which keeps every text for as long as the process lives. */
function parser(): InstanceType<typeof Mustache.Writer> {
  const writer = new Mustache.Writer();
  Object.assign(writer, { templateCache: undefined });
  return writer;
}

function compileTokens(tokens: readonly Token[], source: SourceText, compiling: Compiling, depth: number): Node[] {
  const nodes: Node[] = [];
  for (const token of tokens) {
    const [kind, value, at] = token;
    if (kind === 'text') nodes.push({ kind: 'text', text: value, source, at });
    else if (kind === 'name' || kind === '&') {
      compiling.problems.push(...explainDollar(source, at));
      nodes.push({ kind: 'value', ...tagOf(value, source, at) });
    } else if (kind === '>') {
      nodes.push({ kind: 'partial', nodes: compilePartial(token, source, compiling), source, at });
    } else if (kind === '#' || kind === '^') {
      if (depth === DEEPEST) {
        compiling.problems.push(problemAt(source, at, `sections are nested more than ${DEEPEST} deep`));
        return nodes;
      }
      const children = compileTokens(token[4] as Token[], source, compiling, depth + 1);
      nodes.push({ kind: kind === '#' ? 'section' : 'inverted', ...tagOf(value, source, at), nodes: children });
    }
  }
  return nodes;
}

function tagOf(name: string, source: SourceText, at: number): Tag {
  return { name, path: name.indexOf('.') > 0 ? name.split('.') : [name], source, at };
}

function compilePartial(token: Token, source: SourceText, compiling: Compiling): readonly Node[] {
  const [, name, at, , written, index, inline] = token;
  const { partials, problems, chain } = compiling;
  const partial = partials.texts.get(name);
  if (!partial) {
    const near = nearestName(name, partials.texts.keys());
    const hint = near === undefined ? `partials are files named partials/NAME.mustache` : `did you mean ${near}?`;
    problems.push({ ...problemAt(source, at, `unknown partial ${shownName(name)}`), hint });
    return [];
  }
  if (chain.includes(name)) {
    const cycle = [...chain.slice(chain.indexOf(name)), name].join(' -> ');
    problems.push(problemAt(source, at, `partial ${name} includes itself: ${cycle}`));
    return [];
  }
  const indentation = index === 0 ? String(written).replace(/[^ \t]/g, '') : '';
  const key = `${name}\0${indentation}\0${inline}`;
  let nodes = partials.compiled.get(key);
  if (!nodes) {
    const indented = indent(newSource(partial.file, partial.text), indentation, inline !== true);
    nodes = compileText(indented, { partials, problems, chain: [...chain, name] });
    partials.compiled.set(key, nodes);
  }
  return nodes;
}

/** As mustache does it: every line but empty ones, and the first only where the tag stands alone on its line. */
function indent(source: SourceText, indentation: string, indentsFirst: boolean): SourceText {
  if (indentation === '') return source;
  const lines = source.text.split('\n');
  const text = lines
    .map((line, i) => (line.length > 0 && (i > 0 || indentsFirst) ? indentation + line : line))
    .join('\n');
  return { file: source.file, text, indent: indentation.length, indentsFirst };
}

function problemAt(source: SourceText, at: number, message: string): Problem {
  return { code: 'TemplateInvalid', message, file: source.file, ...positionAt(source, at) };
}

/** A name as it may stand in a message: one line, not too long. */
export function shownName(name: string): string {
  const line = name.replace(/\s+/g, ' ');
  return line === '' ? '(empty)' : line.length > 80 ? `${line.slice(0, 80)}...` : line;
}
