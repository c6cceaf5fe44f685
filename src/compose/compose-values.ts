import { parseTemplate, type Template } from './interpolation.js';

/** A string value that holds a `$`, and how it reads. */
export interface TemplateValue {
  text: string;
  template: Template;
}

const templatesByDocument = new WeakMap<object, readonly TemplateValue[]>();

/**
 * Every different string value with a `$` in a parsed compose document, list entries included and mapping keys not:
 * what compose interpolates. Remembered for as long as the document object lives, which must not change meanwhile.
 */
export function templatesOf(document: unknown): readonly TemplateValue[] {
  if (typeof document !== 'object' || document === null) return [];
  const before = templatesByDocument.get(document);
  if (before) return before;
  const texts = new Set<string>();
  const seen = new Set<object>([document]);
  const pending: object[] = [document];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    for (const value of Object.values(node)) {
      if (typeof value === 'string' && value.includes('$')) texts.add(value);
      else if (typeof value === 'object' && value !== null && !seen.has(value)) {
        seen.add(value);
        pending.push(value);
      }
    }
  }
  const templates = [...texts].map(templateOf);
  templatesByDocument.set(document, templates);
  return templates;
}

const MOST_KNOWN = 2000;
const known = new Map<string, TemplateValue>();

/** Instances of one template share most of their strings. */
function templateOf(text: string): TemplateValue {
  let value = known.get(text);
  if (value === undefined) {
    value = { text, template: parseTemplate(text) };
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(text, value);
  }
  return value;
}

/** The own entries of a mapping; none for anything else. */
export function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
}

/** One own entry of a mapping; undefined for anything else. */
export function entryOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

/** A list as it is, nothing as no entries, and a single value as a list of one: the short forms of a compose file. */
export function listOf(value: unknown): unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}
