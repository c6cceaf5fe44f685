import { type Document, isAlias, isCollection, isScalar, Scalar, visit } from 'yaml';
import { parseYaml, scalarValue, toValues } from './parse-yaml.js';
import { hasMark, type Shape, splitMarks } from './shape.js';

/** Parsed shapes of one template, the latest used last; null for a shape that cannot be filled in. */
export type ShapeCache = Map<string, Skeleton | null>;

const MOST_SHAPES = 64;

/**
 * The plain values of a YAML text that was rendered to this shape, from the parse of an earlier text of the same shape:
 * only the values are put in. What they are must not be changed, for texts of one shape share the parts without values.
 *
 * @returns one value a document, as a full parse would give; undefined when only a full parse can tell
 */
export function parseShaped(shape: Shape, cache: ShapeCache): unknown[] | undefined {
  if (!shape.usable || shape.words.length === 0) return undefined;
  let skeleton = cache.get(shape.text);
  if (skeleton === undefined) {
    skeleton = buildSkeleton(shape.text);
    for (const oldest of cache.keys()) {
      if (cache.size < MOST_SHAPES) break;
      cache.delete(oldest);
    }
  } else cache.delete(shape.text);
  cache.set(shape.text, skeleton);
  return skeleton === null ? undefined : fill(skeleton, shape.words);
}

interface Skeleton {
  documents: readonly Recipe[];
  /** Whether anchors make one part stand in several places. */
  shared: boolean;
}

/** How to make a value: as it is, or from its parts. */
type Recipe =
  | { kind: 'constant'; value: unknown }
  | { kind: 'text'; text: MarkedText }
  | { kind: 'list'; items: readonly Recipe[] }
  | { kind: 'map'; entries: readonly { key: string | MarkedText; value: Recipe }[] };

interface MarkedText {
  parts: readonly (string | number)[];
  /** Written without quotes: it may turn into a number, a boolean or null. */
  plain: boolean;
}

function buildSkeleton(text: string): Skeleton | null {
  const parsed = parseYaml(text);
  if ('fault' in parsed || /^%/m.test(text)) return null;
  const plain = new Set<string>();
  if (!parsed.documents.every((document) => onlyScalarsAreMarked(document, plain))) return null;
  const values = toValues(text, parsed.documents);
  if ('fault' in values) return null;
  const known = new Map<object, Recipe>();
  const documents = values.values.map((value) => recipeOf(value, plain, known));
  return { documents, shared: /[*]/.test(text) };
}

/** Tags, anchors, aliases and keys that are no scalars may read differently with other words in them. */
function onlyScalarsAreMarked(document: Document.Parsed, plain: Set<string>): boolean {
  let only = true;
  visit(document, {
    Node(_key, node) {
      const anchored = isAlias(node) ? node.source : node.anchor;
      if (anchored !== undefined && hasMark(anchored)) only = false;
      else if (node.tag !== undefined) only = false;
      else if (isScalar(node) && node.type === Scalar.PLAIN && typeof node.value === 'string') {
        if (hasMark(node.value)) plain.add(node.value);
      }
      return only ? undefined : visit.BREAK;
    },
    Pair(_key, { key }) {
      if (isCollection(key) || isAlias(key)) only = false;
      return only ? undefined : visit.BREAK;
    },
  });
  return only;
}

function recipeOf(value: unknown, plain: ReadonlySet<string>, known: Map<object, Recipe>): Recipe {
  if (typeof value === 'string' && hasMark(value)) return { kind: 'text', text: markedText(value, plain) };
  if (typeof value !== 'object' || value === null) return { kind: 'constant', value };
  const before = known.get(value);
  if (before) return before;
  const recipe = Array.isArray(value) ? listRecipe(value, plain, known) : mapRecipe(value, plain, known);
  known.set(value, recipe);
  return recipe;
}

function listRecipe(value: readonly unknown[], plain: ReadonlySet<string>, known: Map<object, Recipe>): Recipe {
  const items = value.map((item) => recipeOf(item, plain, known));
  return items.every((item) => item.kind === 'constant') ? { kind: 'constant', value } : { kind: 'list', items };
}

function mapRecipe(value: object, plain: ReadonlySet<string>, known: Map<object, Recipe>): Recipe {
  const entries = Object.entries(value).map(([key, item]) => ({
    key: hasMark(key) ? markedText(key, plain) : key,
    value: recipeOf(item, plain, known),
  }));
  const still = entries.every(({ key, value: item }) => typeof key === 'string' && item.kind === 'constant');
  return still ? { kind: 'constant', value } : { kind: 'map', entries };
}

function markedText(text: string, plain: ReadonlySet<string>): MarkedText {
  return { parts: splitMarks(text), plain: plain.has(text) };
}

function fill({ documents, shared }: Skeleton, words: readonly string[]): unknown[] | undefined {
  const filling: Filling = { words, made: shared ? new Map() : null, certain: true };
  const values = documents.map((recipe) => make(recipe, filling));
  return filling.certain ? values : undefined;
}

interface Filling {
  words: readonly string[];
  /** What has been made of a recipe, where it may be asked for again. */
  made: Map<Recipe, unknown> | null;
  /** False once only a full parse can tell. */
  certain: boolean;
}

function make(recipe: Recipe, filling: Filling): unknown {
  if (recipe.kind === 'constant') return recipe.value;
  if (recipe.kind === 'text') {
    const text = join(recipe.text, filling.words);
    return recipe.text.plain ? scalarValue(text) : text;
  }
  const made = filling.made?.get(recipe);
  if (made !== undefined) return made;
  const value = recipe.kind === 'list' ? recipe.items.map((item) => make(item, filling)) : makeMap(recipe, filling);
  filling.made?.set(recipe, value);
  return value;
}

// Of YAML's core schema: null, booleans and numbers.
const MAY_BE_SPECIAL = /^(?:[-+.0-9][-+.\w]*|~|null|true|false)$/i;
const LONGEST_KEY = 900;

function makeMap(recipe: Recipe & { kind: 'map' }, filling: Filling): Record<string, unknown> {
  const map: Record<string, unknown> = {};
  for (const { key, value } of recipe.entries) {
    const name = typeof key === 'string' ? key : join(key, filling.words);
    if (typeof key !== 'string' && (MAY_BE_SPECIAL.test(name) || name.length > LONGEST_KEY)) filling.certain = false;
    // A key that is there twice, or that would be a setter.
    if (name === '__proto__' || Object.hasOwn(map, name)) filling.certain = false;
    else map[name] = make(value, filling);
  }
  return map;
}

function join({ parts }: MarkedText, words: readonly string[]): string {
  let text = '';
  for (const part of parts) text += typeof part === 'string' ? part : words[part];
  return text;
}
