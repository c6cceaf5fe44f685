// biome-ignore-all lint/suspicious/noTemplateCurlyInString: braces and dollar signs are what this is about
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseText } from '../../src/render/parse-rendered.js';
import { parseShaped, type ShapeCache } from '../../src/render/parse-shaped.js';
import { renderInstance } from '../../src/render/render.js';
import { newShape, shapeText, shapeWord } from '../../src/render/shape.js';
import { makeInstance, makeTemplate, problemsOf } from './support.js';

/** Pieces of YAML, whole lines and fragments; `@` is where a value goes. */
const LINES = [
  'a: @',
  '@: b',
  '@: @',
  'k: "@"',
  "k: '@'",
  'k: "x\\u0041@"',
  'k: "x\\u00@"',
  'k: "\\@"',
  'k: @@',
  'k: x@y',
  'k: -@',
  'k: 0x@',
  'k: .@',
  'k: @.5',
  'k: @: x',
  'k: @ # c',
  'k: # @',
  '# @ @',
  'k: |',
  '  @ text',
  'k: >-',
  'k: |@',
  '- @',
  '- - @',
  '? @',
  ': @',
  'k: [@, @]',
  'k: {@: @}',
  'k: {a: @, @: 1}',
  'k: { "@":@ }',
  'k: [@',
  ']',
  'k: &@ x',
  'k: *@',
  'k: &x @',
  'l: *x',
  'k: !!str @',
  'k: !@ x',
  '<<: *x',
  '<<: {@: 1}',
  'b: &x { @: 1, c: @ }',
  'd: { <<: *x, e: @ }',
  '---',
  '--- @',
  '...',
  '@',
  '%@',
  '%YAML 1.1',
  'k: @\n  @ more',
  '  k: @',
  '"@": 1',
  'k: !reset @',
  'k: ~@',
  'k: @~',
  'k: null@',
  'k: ${@:-x}',
  'services: { api: { image: "@/api:@" } }',
  '__proto__: @',
  '__@__: x',
  '@@: { @: [@] }',
] as const;
const word = fc.oneof(
  fc.constantFrom(
    'a',
    'b',
    'k',
    'x',
    'acme',
    'v1.2.3',
    '127.0.0.1:5000',
    '10',
    '1e3',
    'true',
    'No',
    'null',
    'nan',
    'ff',
    '0o7',
    '1:2',
    'proto',
    '.inf',
    '~',
  ),
  fc.constantFrom(
    '',
    ' ',
    'a b',
    'a: b',
    '#',
    '- x',
    '[',
    'x\n  y',
    '{',
    '"',
    "'",
    '*x',
    '&x',
    '!',
    'é',
    '\uE000',
    'a#b',
    'a:',
    '---',
    '%',
    '@',
    '`',
    'a,b',
  ),
  fc.stringMatching(/^[A-Za-z0-9._:/@+-]{1,8}$/),
);
const lines = fc.array(fc.constantFrom(...LINES), { minLength: 1, maxLength: 5 });

function fill(text: string, words: readonly string[]) {
  const shape = newShape();
  let full = '';
  text.split('@').forEach((part, i) => {
    const next = i === 0 ? '' : (words[(i - 1) % words.length] as string);
    if (i > 0) shapeWord(shape, next);
    shapeText(shape, part);
    full += next + part;
  });
  return { shape, full };
}

describe('parsing by shape', () => {
  it('gives what a full parse gives, or leaves it to a full parse', () => {
    let filled = 0;
    fc.assert(
      fc.property(
        lines,
        fc.array(word, { minLength: 1, maxLength: 4 }),
        fc.array(word, { minLength: 1, maxLength: 4 }),
        (text, first, second) => {
          const cache: ShapeCache = new Map();
          for (const words of [first, second]) {
            const { shape, full } = fill(`${text.join('\n')}\n`, words);
            const shaped = parseShaped(shape, cache);
            if (shaped === undefined) continue;
            filled++;
            const parsed = parseText(full, 'yaml');
            expect({ document: shaped }, JSON.stringify(full)).toEqual(parsed);
          }
        },
      ),
      { numRuns: 5000 },
    );
    expect(filled).toBeGreaterThan(200);
  }, 60_000);

  it('parses one text of a shape and fills in the others', () => {
    const template = makeTemplate({
      'files/docker-compose.yml.mustache':
        'name: {{slug}}\nservices: { api: { ports: ["{{values.port}}:80"] } }\nx: {{values.port}}\n',
    });
    for (const [slug, port] of [
      ['acme', 8080],
      ['globex', 9090],
    ] as const) {
      const [file] = renderInstance(template, makeInstance({ slug, values: { port } })).files;
      expect(file?.document).toEqual([{ name: slug, services: { api: { ports: [`${port}:80`] } }, x: port }]);
    }
  });

  it('finds a key that values make twice', () => {
    const template = makeTemplate({ 'files/out.yml.mustache': 'a:\n  {{values.x}}: 1\n  {{values.y}}: 2\n' });
    expect(problemsOf(template, { values: { x: 'k', y: 'l' } })).toEqual([]);
    expect(problemsOf(template, { values: { x: 'k', y: 'k' } }).map(({ message }) => message)).toEqual([
      'renders to YAML that does not parse (out.yml:3:3): this key is there twice',
    ]);
  });

  it('remembers no more shapes than it may', () => {
    const cache: ShapeCache = new Map();
    for (let i = 0; i < 200; i++) parseShaped(fill(`k${i}: @\n`, ['a']).shape, cache);
    expect(cache.size).toBe(64);
  });
});
