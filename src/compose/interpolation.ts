/** How a reference treats a variable that is unset or empty; '' is the plain `$A` or `${A}`. */
type Operator = '' | ':-' | '-' | ':?' | '?' | ':+' | '+';

export interface VariableReference {
  name: string;
  operator: Operator;
  /** References inside the argument of the operator, in the order of the text. */
  nested: VariableReference[];
}

/** One parsed string: text, variables, and places that compose refuses. Build it once, evaluate it often. */
export type Template = readonly Part[];

type Part =
  | { kind: 'text'; text: string }
  | { kind: 'variable'; name: string; operator: Operator; argument: Template }
  | { kind: 'invalid'; template: string };

export type Lookup = (name: string) => string | undefined;

/** Compose before v5.0.2 evaluates every argument (eager), later versions only the one that is taken (lazy). */
export type Evaluation = 'eager' | 'lazy';

interface RequiredVariable {
  name: string;
  message: string;
}

export type Interpolation =
  | { value: string; warned: string[]; required: RequiredVariable[] }
  | {
      /** The text, or the part of it, that is not a valid template. */
      invalid: string;
    };

/** What an evaluation met. `plain` and `demanded` (`:?`, `?`) hold names whether or not they are set, `named` any name. */
export interface Evaluated {
  warned: Set<string>;
  required: RequiredVariable[];
  invalid: string | undefined;
  plain: Set<string>;
  demanded: Set<string>;
  named: Set<string>;
  /** Whether there was more than text in an argument that is not taken: what makes eager differ from lazy evaluation. */
  skippable: boolean;
}

// Go's case-insensitive classes fold the long s and the Kelvin sign onto s and k, and compose uses one.
const NAME_START = '[_a-zA-Z\\u017F\\u212A]';
const NAME = `${NAME_START}[_a-zA-Z0-9\\u017F\\u212A]*`;
const TOKEN = new RegExp(`\\$(?:(\\$)|(${NAME})|\\{(?:(${NAME})(\\}|:?[-+?])|))`, 'g');

// Compose itself has no limit; a text nested deeper than this is refused rather than followed down the stack.
const MAX_DEPTH = 100;

/**
 * The references of one string value.
 *
 * @param value a string of a compose file, after YAML decoding
 * @returns the references in the order of the text, or the part that compose refuses. Never throws for any text.
 */
export function parseInterpolation(value: string): { references: VariableReference[] } | { invalid: string } {
  const template = parseTemplate(value);
  const invalid = findInvalid(template);
  return invalid === undefined ? { references: referencesOf(template) } : { invalid };
}

/**
 * Replaces the variables of one string value as compose does.
 *
 * @param value a string of a compose file, after YAML decoding
 * @param lookup the value of a variable; undefined is unset, which differs from empty
 * @param mode how the host's compose version evaluates arguments
 * @returns the new value, the variables compose warns about, and every `:?` or `?` that fails (compose itself stops at
 *   the first); or the text that is not a valid template. Never throws, unless `lookup` does.
 * @see https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md, and experiments with compose 2.26
 */
export function interpolate(value: string, lookup: Lookup, mode: Evaluation): Interpolation {
  const met = newEvaluated();
  const result = evaluateTemplate(parseTemplate(value), lookup, mode, met);
  if (met.invalid !== undefined) return { invalid: met.invalid };
  return { value: result, warned: [...met.warned].sort(), required: met.required };
}

export function newEvaluated(): Evaluated {
  return {
    warned: new Set(),
    required: [],
    invalid: undefined,
    plain: new Set(),
    demanded: new Set(),
    named: new Set(),
    skippable: false,
  };
}

/** Adds what one evaluation met to another; names that the text's own file defines are not needed from outside. */
export function addEvaluated(from: Evaluated, to: Evaluated, own: ReadonlyMap<string, string>): void {
  for (const key of ['warned', 'plain', 'demanded'] as const) {
    for (const name of from[key]) if (!own.has(name)) to[key].add(name);
  }
  for (const name of from.named) to.named.add(name);
  to.required.push(...from.required);
  to.skippable ||= from.skippable;
}

/**
 * Reads a string into parts, by compose's own (peculiar) matching: an operator's argument reaches greedily to the last
 * `}` of the line, is then cut where the braces balance (the character after a `{` is never counted), and what is left
 * is read on its own.
 */
export function parseTemplate(text: string, depth = 0): Template {
  const parts: Part[] = [];
  const lastBraceOfLine = lastBraceFinder(text);
  let at = 0;
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(text); match !== null; match = TOKEN.exec(text)) {
    if (match.index > at) parts.push({ kind: 'text', text: text.slice(at, match.index) });
    at = TOKEN.lastIndex;
    const [, escaped, named, braced, next] = match;
    if (escaped !== undefined) parts.push({ kind: 'text', text: '$' });
    else if (named !== undefined) parts.push({ kind: 'variable', name: named, operator: '', argument: [] });
    else if (next === '}') parts.push({ kind: 'variable', name: braced as string, operator: '', argument: [] });
    else {
      const last = next === undefined ? -1 : lastBraceOfLine(at);
      if (last < at || depth >= MAX_DEPTH) parts.push({ kind: 'invalid', template: text });
      else {
        const close = closingBrace(text, match.index, last);
        const argument = parseTemplate(text.slice(at, close), depth + 1);
        parts.push({ kind: 'variable', name: braced as string, operator: next as Operator, argument });
        at = close + 1;
      }
    }
    TOKEN.lastIndex = at;
  }
  if (at < text.length) parts.push({ kind: 'text', text: text.slice(at) });
  return parts;
}

/** Where the last `}` of the line around a position is; -1 when it has none. Positions asked for must not fall. */
function lastBraceFinder(text: string): (at: number) => number {
  let end = -1;
  let brace = -1;
  return (at) => {
    if (at > end) {
      const newline = text.indexOf('\n', at);
      end = newline === -1 ? text.length : newline;
      brace = at + text.slice(at, end).lastIndexOf('}');
    }
    return brace;
  };
}

function closingBrace(text: string, from: number, last: number): number {
  let open = 0;
  for (let i = from; i <= last; i++) {
    const char = text[i];
    if (char === '}' && --open === 0) return i;
    if (char === '{') {
      open++;
      i++;
    }
  }
  return last;
}

/**
 * Evaluates a template and adds what it met to `met`.
 *
 * @returns the text; meaningless once `met.invalid` is set or `met.required` has grown
 */
export function evaluateTemplate(template: Template, lookup: Lookup, mode: Evaluation, met: Evaluated): string {
  let out = '';
  for (const part of template) {
    if (part.kind === 'text') out += part.text;
    else if (part.kind === 'invalid') met.invalid ??= part.template;
    else out += evaluateVariable(part, lookup, mode, met);
  }
  return out;
}

function evaluateVariable(
  part: Extract<Part, { kind: 'variable' }>,
  lookup: Lookup,
  mode: Evaluation,
  met: Evaluated,
): string {
  const { name, operator } = part;
  const value = lookup(name);
  met.named.add(name);
  if (operator === '') {
    met.plain.add(name);
    if (value === undefined) met.warned.add(name);
    return value ?? '';
  }
  const counts = value !== undefined && (operator.length === 1 || value !== '');
  const kind = operator.at(-1);
  const taken = kind === '+' ? counts : !counts;
  if (!taken) met.skippable ||= part.argument.some((each) => each.kind !== 'text');
  const argument = taken || mode === 'eager' ? evaluateTemplate(part.argument, lookup, mode, met) : '';
  if (kind === '?') {
    met.demanded.add(name);
    if (taken) met.required.push({ name, message: argument });
    return taken ? '' : (value as string);
  }
  return taken ? argument : (value ?? '');
}

function referencesOf(template: Template): VariableReference[] {
  return template.flatMap((part) =>
    part.kind === 'variable' ? [{ name: part.name, operator: part.operator, nested: referencesOf(part.argument) }] : [],
  );
}

function findInvalid(template: Template): string | undefined {
  for (const part of template) {
    const found =
      part.kind === 'invalid' ? part.template : part.kind === 'variable' ? findInvalid(part.argument) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}
