import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Values } from '../../src/manifest/desired-state.js';
import { renderInstance } from '../../src/render/render.js';
import { buildView } from '../../src/render/view.js';
import { renderWithMustache } from './mustache-oracle.js';
import { makeInstance, makeTemplate, problemsOf, textOf } from './support.js';

const KEYS = ['a', 'b', 'list', 'm'];
const NAMES = [
  'slug',
  'values',
  'fleet',
  '.',
  'a',
  'b',
  'm.a',
  'values.a',
  'values.b',
  'values.list',
  'values.m',
  'values.m.a',
];
const STRANGE = ['nope', 'values.nope', 'constructor', 'values.constructor.name', '__proto__', 'a.b.m'];

const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom('', 'x', '{{slug}}', '<&>', 0, 1.5, true, false, null),
    // no null in lists: a name looked up in one makes mustache throw
    fc.array(
      tie('any').filter((element) => element !== null),
      { maxLength: 3 },
    ),
    fc.dictionary(fc.constantFrom(...KEYS), tie('any'), { maxKeys: 3 }),
  ),
})).any;
const values = fc.dictionary(fc.constantFrom(...KEYS), value, { maxKeys: 4 }) as fc.Arbitrary<Values>;

const name = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...NAMES) },
  { weight: 1, arbitrary: fc.constantFrom(...STRANGE) },
);
const still = fc.constantFrom('x', '  ', '\n', '\n  ', 'y: z\n', '\r\n', '\t', '}}', '$x');

/** Well-formed texts; `partials` are the names that may be included. */
function texts(partials: readonly string[]): fc.Arbitrary<string> {
  const { text } = fc.letrec<{ text: string; piece: string }>((tie) => ({
    text: fc.array(tie('piece'), { maxLength: 6 }).map((pieces) => pieces.join('')),
    piece: fc.oneof(
      { maxDepth: 4 },
      still,
      name.map((known) => `{{${known}}}`),
      name.map((known) => ` {{{ ${known} }}}`),
      name.map((known) => ` {{& ${known}}}`),
      fc.constantFrom('{{! nothing }}', '{{!\n}}', '{{=<% %>=}}<% slug %>{{nope}}<%={{ }}=%>'),
      ...(partials.length > 0 ? [fc.constantFrom(...partials).map((partial) => `{{> ${partial}}}`)] : []),
      fc.tuple(name, tie('text')).map(([known, inner]) => `{{#${known}}}${inner}{{/${known}}}`),
      fc.tuple(name, tie('text')).map(([known, inner]) => `{{^${known}}}${inner}{{/${known}}}`),
      fc.tuple(name, tie('text')).map(([known, inner]) => `\n {{#${known}}}\n${inner}\n {{/${known}}}\n`),
    ),
  }));
  return text;
}

const folder = fc.record({ text: texts(['p', 'q']), p: texts(['q']), q: texts([]) });

describe('rendering', () => {
  it('succeeds exactly when mustache knows every name it meets, and then gives what mustache gives', () => {
    let rendered = 0;
    let refused = 0;
    fc.assert(
      fc.property(folder, values, fc.boolean(), ({ text, p, q }, given, registered) => {
        fc.pre(![text, p, q].some((written) => /\$ *\{\{/.test(written)));
        const template = makeTemplate({
          'files/out.txt.mustache': text,
          'partials/p.mustache': p,
          'partials/q.mustache': q,
        });
        const instance = makeInstance({ values: given, registered });
        const expected = renderWithMustache(text, buildView(instance), { p, q });
        if (expected.complaints > 0) {
          refused++;
          expect(problemsOf(template, instance).length).toBeGreaterThan(0);
        } else {
          rendered++;
          expect(textOf(renderInstance(template, instance), 'out.txt')).toBe(expected.text);
        }
      }),
      { numRuns: 2000 },
    );
    expect(Math.min(rendered, refused)).toBeGreaterThan(300);
  }, 60_000);

  it('gives the same bytes and digest every time', () => {
    fc.assert(
      fc.property(folder, values, ({ text, p, q }, given) => {
        const parts = { 'files/out.txt.mustache': text, 'partials/p.mustache': p, 'partials/q.mustache': q };
        fc.pre(!/\$ *\{\{/.test(text + p + q));
        const once = attempt(makeTemplate(parts), given);
        const again = attempt(makeTemplate(parts), structuredClone(given));
        expect(again).toEqual(once);
      }),
      { numRuns: 200 },
    );
  }, 60_000);
});

function attempt(template: ReturnType<typeof makeTemplate>, given: Values) {
  try {
    return renderInstance(template, makeInstance({ values: given }));
  } catch {
    return problemsOf(template, { values: given });
  }
}
