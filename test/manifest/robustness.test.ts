import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FlotillaError } from '../../src/errors.js';
import { setImageTag } from '../../src/manifest/edit.js';
import { readManifests } from '../../src/manifest/read-manifests.js';
import { BASE, instance } from './support.js';

const PIECES = [
  '---',
  '...',
  '\n',
  '\t',
  '  ',
  ': ',
  '- ',
  '{',
  '}',
  '[',
  ']',
  '"',
  "'",
  '&a ',
  '*a',
  '<<: ',
  '!x ',
  '|\n',
  '#',
];
const WHOLE = `${BASE}---\n${instance('acme')}`;

/** A manifest file with some of it cut out and fragments of syntax put in. */
const mangledArbitrary = fc
  .array(
    fc.tuple(fc.nat(WHOLE.length), fc.nat(6), fc.constantFrom(...PIECES, '%YAML 1.1\n', '? ', '\u0000', '\ufeff')),
    {
      maxLength: 6,
    },
  )
  .map((changes) =>
    changes.reduce((text, [at, cut, piece]) => text.slice(0, at) + piece + text.slice(at + cut), WHOLE),
  );

test('whatever the text, reading it ends in documents and problems with a place', () => {
  fc.assert(
    fc.property(mangledArbitrary, (text) => {
      const { documents, broken, problems } = readManifests('a.yaml', text);
      expect(broken.length === 0).toBe(problems.length === 0);
      const lines = text.split('\n').length;
      for (const { line, column, excerpt } of problems) {
        expect(line).toBeGreaterThan(0);
        expect(line).toBeLessThanOrEqual(lines);
        expect(column).toBeGreaterThan(0);
        expect(excerpt).toMatch(/\^$/);
      }
      for (const { name } of documents) expect(name).toMatch(/^[a-z0-9-]{1,63}$/);
    }),
    { numRuns: 500 },
  );
});

test('whatever the text, an edit changes that one tag or is refused', () => {
  fc.assert(
    fc.property(mangledArbitrary, (text) => {
      try {
        const after = setImageTag(text, 'acme', 'v9').text;
        expect(setImageTag(after, 'acme', 'v9')).toMatchObject({ text: after, previous: 'v9' });
      } catch (error) {
        expect(error).toBeInstanceOf(FlotillaError);
      }
    }),
    { numRuns: 500 },
  );
});
