import { type Document, isMap, isScalar, isSeq, type ParsedNode } from 'yaml';
import type { PathPart } from '../manifest/finding.js';
import { readGitUrl } from './git-url.js';

/** A text with what may be secret in it made unreadable, and where that was. */
export interface Masked {
  /** As long as the text, with the same lines, so that positions are the same. */
  text: string;
  /** Whether the value at a path is not to be shown. */
  hides(path: readonly PathPart[]): boolean;
}

/** What is read of a JSON Schema here. */
interface Schema {
  type?: string;
  properties?: Readonly<Record<string, Schema>>;
  additionalProperties?: boolean | Schema;
  items?: Schema;
  writeOnly?: boolean;
}

/**
 * Stars in place of each scalar that is `writeOnly` in the schema, that stands where the schema knows no scalar (a secret in
 * the wrong place is still one), or that is a URL with a password. Offsets of the document count from `base` in the text.
 */
export function maskSecrets(text: string, document: Document.Parsed<ParsedNode>, base: number, schema: object): Masked {
  const hidden = new Set<string>();
  const parts: string[] = [];
  let done = 0;
  for (const { path, start, end } of secretsIn(document.contents, schema, [])) {
    hidden.add(JSON.stringify(path));
    parts.push(text.slice(done, base + start), text.slice(base + start, base + end).replace(/[^\r\n]/g, '*'));
    done = base + end;
  }
  return { text: parts.join('') + text.slice(done), hides: (path) => hidden.has(JSON.stringify(path)) };
}

interface Secret {
  path: PathPart[];
  start: number;
  end: number;
}

function* secretsIn(node: unknown, schema: Schema | undefined, path: PathPart[]): Generator<Secret> {
  if (isMap(node)) {
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : '';
      yield* secretsIn(value, fieldOf(schema, name), [...path, name]);
    }
  } else if (isSeq(node)) {
    for (const [index, item] of node.items.entries()) yield* secretsIn(item, schema?.items, [...path, index]);
  } else if (isScalar(node) && node.range && (isSecret(String(node.value), schema) || isGitSecret(path, node.value))) {
    yield { path, start: node.range[0], end: node.range[1] };
  }
}

function fieldOf(schema: Schema | undefined, name: string): Schema | undefined {
  if (schema?.properties && Object.hasOwn(schema.properties, name)) return schema.properties[name];
  return typeof schema?.additionalProperties === 'object' ? schema.additionalProperties : undefined;
}

function isSecret(value: string, schema: Schema | undefined): boolean {
  const knowsScalar = schema !== undefined && schema.type !== 'object' && schema.type !== 'array';
  return !knowsScalar || schema.writeOnly === true || hasPassword(value);
}

/** An address that is refused may hold a secret in any of its parts. */
function isGitSecret(path: readonly PathPart[], value: unknown): boolean {
  const text = String(value);
  return path.join('.').endsWith('source.git.url') && /[@?#]/.test(text) && 'fault' in readGitUrl(text);
}

function hasPassword(value: string): boolean {
  return /:\/\/[^/\s]*:[^/\s]*@/.test(value);
}
