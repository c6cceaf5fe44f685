import type { Problem } from '../errors.js';
import type { Draft } from './draft-files.js';
import { evaluate, type Trace } from './evaluate.js';
import { parseShaped } from './parse-shaped.js';
import { parseJson, parseYaml, type SyntaxFault, toValues } from './parse-yaml.js';
import { newSource, positionAt } from './source-text.js';
import type { Syntax, TemplateContent } from './template.js';
import type { View } from './view.js';

/**
 * The values in a rendered file that must parse; nothing for one that may hold anything. A problem points at the template's
 * line that the fault comes from, and names the place in the rendered file without quoting it.
 */
export function parseRendered(draft: Draft, view: View): { document?: readonly unknown[] } | { problem: Problem } {
  const { file, text, shape } = draft;
  const content = file.content as TemplateContent & { kind: 'mustache' };
  if (content.syntax === null) return {};
  const shaped = shape && parseShaped(shape, content.shapes);
  if (shaped) return { document: shaped };
  const parsed = parseText(text, content.syntax);
  if ('document' in parsed) return parsed;
  return { problem: describe(draft, content, view, parsed.fault) };
}

/** The values in a text of YAML (any number of documents) or JSON. Never throws. */
export function parseText(
  text: string,
  syntax: Exclude<Syntax, null>,
): { document: readonly unknown[] } | { fault: SyntaxFault } {
  const read = syntax === 'json' ? parseJson(text) : readYaml(text);
  return 'fault' in read ? read : { document: read.values };
}

function readYaml(text: string): { values: unknown[] } | { fault: SyntaxFault } {
  const parsed = parseYaml(text);
  return 'fault' in parsed ? parsed : toValues(text, parsed.documents);
}

function describe(
  { file, path, text }: Draft,
  content: TemplateContent & { kind: 'mustache' },
  view: View,
  { message, offset }: SyntaxFault,
): Problem {
  const syntax = content.syntax === 'json' ? 'JSON' : 'YAML';
  if (offset === undefined) {
    return {
      code: 'RenderFailed',
      message: `renders to ${syntax} that does not parse (${path}): ${message}`,
      file: file.source,
    };
  }
  const rendered = positionAt(newSource(path, text), offset);
  const trace: Trace[] = [];
  evaluate(content.nodes, view, { trace });
  const origin = trace.findLast((piece) => piece.offset <= offset);
  return {
    code: 'RenderFailed',
    message: `renders to ${syntax} that does not parse (${path}:${rendered.line}:${rendered.column}): ${message}`,
    file: origin?.source.file ?? file.source,
    ...(origin && positionAt(origin.source, origin.at + (origin.literal ? offset - origin.offset : 0))),
  };
}
