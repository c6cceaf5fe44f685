import { isMap, isScalar, type YAMLMap } from 'yaml';
import { FlotillaError } from '../errors.js';
import { removeLine, type Splice, spliceField } from './edit-splice.js';
import { imageTag as imageTagSchema } from './schema-parts.js';
import { createSourceText } from './source-text.js';
import { cutDocuments, readYamlDocuments, type YamlDocument } from './yaml-documents.js';

export interface ManifestEdit {
  /** The whole text after the edit. */
  text: string;
  /** The line of the value in it, from 1. */
  line: number;
  /** What the instance itself said before, as written but for its quotes; null when it said nothing. */
  previous: string | null;
}

/**
 * Gives an instance another imageTag: replaces the bytes of that one scalar (in its own quotes), or adds the field
 * where the instance has none. Every other byte stays as it was; this is checked by reading the result again. Throws
 * FlotillaError: UsageInvalid for what is no image tag, InstanceNotFound when no document of the text is that
 * instance, ManifestInvalid when it cannot be edited without changing anything else.
 */
export function setImageTag(text: string, slug: string, tag: string): ManifestEdit {
  if (!new RegExp(imageTagSchema.pattern).test(tag)) {
    throw new FlotillaError('UsageInvalid', `expected ${imageTagSchema.title}, found ${JSON.stringify(tag)}`);
  }
  return setInstanceField(text, slug, 'imageTag', tag);
}

/** As `setImageTag`, for a field of an instance's spec that holds one scalar. */
export function setInstanceField(
  text: string,
  slug: string,
  field: 'imageTag' | 'suspend',
  value: string | boolean,
): ManifestEdit {
  const target = findInstance(text, slug);
  const splice = spliceField(target.text, specOf(target, slug), field, value);
  if (typeof splice === 'string') throw cannotEdit(slug, splice);
  const edit = applySplice(text, target, splice, field, value);
  if (edit) return edit;
  throw cannotEdit(slug, `its ${field} cannot be changed without changing something else (is there an anchor in it?)`);
}

/**
 * Takes back what `setInstanceField(text, slug, 'suspend', true)` did: the line goes where the field has one to itself, else
 * the value becomes false. An instance that does not say that it is suspended stays as it is. Throws as `setImageTag`.
 */
export function clearSuspend(text: string, slug: string): ManifestEdit {
  const target = findInstance(text, slug);
  const spec = specOf(target, slug);
  if ((readPlain(target.text, target.index)?.spec as { suspend?: unknown } | undefined)?.suspend !== true) {
    return { text, line: lineAt(text, target.start + (spec.range?.[0] ?? 0)), previous: null };
  }
  const removal = removeLine(target.text, spec, 'suspend');
  const removed = removal && applySplice(text, target, removal, 'suspend', undefined);
  return removed ?? setInstanceField(text, slug, 'suspend', false);
}

/** The text after a splice; undefined when that changes anything but this one field. `value` undefined: it is gone. */
function applySplice(
  text: string,
  target: Target,
  { start, end, replacement, valueStart, previous }: Splice,
  field: string,
  value: string | boolean | undefined,
): ManifestEdit | undefined {
  const edited = target.text.slice(0, start) + replacement + target.text.slice(end);
  if (!isExactly(target, edited, field, value)) return undefined;
  const whole = text.slice(0, target.start) + edited + text.slice(target.start + target.text.length);
  return { text: whole, line: lineAt(whole, target.start + valueStart), previous };
}

function lineAt(text: string, offset: number): number {
  return createSourceText('', text).lineAt(offset);
}

/** Whether a text may hold the manifest of an instance; says yes too often rather than too seldom. */
export function mayDeclare(text: string, slug: string): boolean {
  return text.includes(slug) || text.includes('\\');
}

interface Target {
  /** The part of the text that holds the instance's document and no other, and where it starts. */
  text: string;
  start: number;
  /** Which of the documents in that part, where broken markers leave several. */
  index: number;
  document: YamlDocument['document'];
}

function findInstance(text: string, slug: string): Target {
  const found: Target[] = [];
  for (const { start, end } of cutDocuments(text)) {
    const part = text.slice(start, end);
    if (!mayDeclare(part, slug)) continue;
    let index = 0;
    for (const read of readYamlDocuments(part)) {
      if ('document' in read && isInstance(read.document, slug)) {
        found.push({ text: part, start, index, document: read.document });
      }
      index++;
    }
  }
  const [first, second] = found;
  if (first === undefined) throw new FlotillaError('InstanceNotFound', `instance ${slug} is not declared here`);
  if (second !== undefined) throw cannotEdit(slug, 'it is declared more than once');
  return first;
}

function isInstance(document: YamlDocument['document'], slug: string): boolean {
  if (!isMap(document.contents)) return false;
  return document.get('kind') === 'Instance' && document.getIn(['metadata', 'name']) === slug;
}

function specOf({ document }: Target, slug: string): YAMLMap {
  const [error] = document.errors;
  if (error !== undefined) throw cannotEdit(slug, 'its document has errors: run flotilla validate');
  const spec: unknown = (document.contents as YAMLMap).get('spec', true);
  if (isMap(spec)) return spec;
  throw cannotEdit(slug, spec === undefined || isScalar(spec) ? 'it has no spec' : 'its spec is an alias');
}

/** Whether the edited document reads as it did before but for this one field. */
function isExactly(
  { text, index }: Target,
  edited: string,
  field: string,
  value: string | boolean | undefined,
): boolean {
  const before = readPlain(text, index);
  const after = readPlain(edited, index);
  if (before === undefined || after === undefined) return false;
  const spec = before.spec as Record<string, unknown>;
  if (value === undefined) delete spec[field];
  else spec[field] = value;
  return isSame(before, after);
}

/** Equality of JSON values, whatever the order of keys. */
function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [names, others] = [Object.keys(a), Object.keys(b)];
  if (names.length !== others.length) return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  return names.every((name) => Object.hasOwn(right, name) && isSame(left[name], right[name]));
}

function readPlain(text: string, index: number): Record<string, unknown> | undefined {
  const read = [...readYamlDocuments(text)][index];
  if (read === undefined || !('document' in read) || read.document.errors.length > 0) return undefined;
  try {
    // by way of JSON, so that what an alias repeats is compared at each place
    return JSON.parse(JSON.stringify(read.document.toJS())) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

function cannotEdit(slug: string, reason: string): FlotillaError {
  return new FlotillaError('ManifestInvalid', `cannot edit the manifest of ${slug}: ${reason}`, {
    hint: 'edit the file by hand',
  });
}
