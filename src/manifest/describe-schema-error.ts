import type { ErrorObject } from 'ajv';
import type { Finding, PathPart } from './finding.js';
import { nearestName } from './nearest.js';

/** ajv's errors about one document (made with `verbose`) in words for its author, one finding a place. */
export function describeSchemaErrors(errors: readonly ErrorObject[], root: unknown): Finding[] {
  const findings = new Map<string, Finding>();
  for (const error of errors) {
    // the errors inside `propertyNames` come again as one error of that keyword
    if (error.propertyName !== undefined) continue;
    const finding = describe(error, pathOf(error.instancePath, root));
    // a text that is too long also breaks its pattern: one sentence says both
    findings.set(JSON.stringify([finding.path, finding.message]), finding);
  }
  return [...findings.values()];
}

/** `spec.files[0].mode`; a name that is not plain is quoted. The root is called "the document". */
export function formatPath(path: readonly PathPart[]): string {
  const text = path.map((part) => {
    if (typeof part === 'number') return `[${part}]`;
    return /^[\w$-]+$/.test(part) ? `.${part}` : `[${JSON.stringify(part)}]`;
  });
  return path.length === 0 ? 'the document' : text.join('').replace(/^\./, '');
}

/** What a value is, for "found ...": its text, cut when it is long, or the kind of thing it is. */
export function describeType(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  if (typeof value !== 'string') return `the ${typeof value} ${String(value)}`;
  if (value.length <= LONGEST_SHOWN) return JSON.stringify(value);
  return `${JSON.stringify(value.slice(0, LONGEST_SHOWN))}… (${value.length} characters)`;
}

const LONGEST_SHOWN = 40;

interface FieldSchema {
  title?: string;
  type?: string | readonly string[];
  enum?: readonly unknown[];
  const?: unknown;
  properties?: Readonly<Record<string, FieldSchema>>;
  propertyNames?: FieldSchema;
}

function describe(error: ErrorObject, path: readonly PathPart[]): Finding {
  const schema = (error.parentSchema ?? {}) as FieldSchema;
  const code = 'ManifestInvalid';
  switch (error.keyword) {
    case 'additionalProperties':
      return describeUnknown(String(error.params.additionalProperty), path, schema);
    case 'required': {
      const name = String(error.params.missingProperty);
      const wanted = expected(schema.properties?.[name] ?? {});
      const message = `${formatPath([...path, name])} is missing: expected ${wanted}`;
      return { code, message, path, at: 'key' };
    }
    case 'propertyNames': {
      const name = String(error.params.propertyName);
      const message = `${formatPath(path)}: expected ${expected(schema.propertyNames ?? {})}, found ${describeType(name)}`;
      return { code, message, path: [...path, name], at: 'key' };
    }
    case 'minProperties':
    case 'maxProperties': {
      const names = Object.keys(error.data as object);
      const message = `${formatPath(path)}: expected ${expected(schema)}, found ${names.join(' and ') || 'neither'}`;
      return { code, message, path, at: 'key' };
    }
    case 'uniqueItems':
      return { code, message: `${formatPath(path)}: expected each item once`, path };
    case 'minItems':
      return { code, message: `${formatPath(path)}: expected at least one item`, path };
    default:
      return describeWrong(error.data, path, schema);
  }
}

function describeUnknown(name: string, path: readonly PathPart[], schema: FieldSchema): Finding {
  const known = Object.keys(schema.properties ?? {});
  const nearest = nearestName(name, known);
  return {
    code: 'ManifestInvalid',
    message: `unknown field ${JSON.stringify(name)} in ${formatPath(path)}`,
    path: [...path, name],
    at: 'key',
    hint: nearest === undefined ? `known fields: ${known.join(', ')}` : `did you mean ${nearest}?`,
  };
}

function describeWrong(value: unknown, path: readonly PathPart[], schema: FieldSchema): Finding {
  const needsQuotes = schema.type === 'string' && (typeof value === 'number' || typeof value === 'boolean');
  const found = needsQuotes ? `a ${typeof value}` : describeType(value);
  const nearest = typeof value === 'string' ? nearestName(value, (schema.enum ?? []).map(String)) : undefined;
  return {
    code: 'ManifestInvalid',
    message: `${formatPath(path)}: expected ${expected(schema)}, found ${found}`,
    path,
    ...(needsQuotes ? { needsQuotes } : {}),
    ...(nearest === undefined ? {} : { hint: `did you mean ${nearest}?` }),
  };
}

function expected(schema: FieldSchema): string {
  if (schema.title !== undefined) return schema.title;
  if (schema.const !== undefined) return String(schema.const);
  if (schema.enum !== undefined) return schema.enum.join(' or ');
  if (typeof schema.type === 'string') return TYPE_NAMES[schema.type] ?? schema.type;
  return 'another value';
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'text',
  boolean: 'true or false',
  object: 'a map',
  array: 'a list',
};

/** The path of a JSON pointer (RFC 6901) in a document: indexes of lists as numbers. */
function pathOf(pointer: string, root: unknown): PathPart[] {
  const path: PathPart[] = [];
  let node = root;
  for (const token of pointer.split('/').slice(1)) {
    const name = token.replace(/~1/g, '/').replace(/~0/g, '~');
    path.push(Array.isArray(node) ? Number(name) : name);
    node = (node as Record<string, unknown> | null)?.[name];
  }
  return path;
}
