import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { clearSuspend, setImageTag, setInstanceField } from '../../src/manifest/edit.js';

const tagArbitrary = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/);
const quoteArbitrary = fc.constantFrom('', "'", '"');
const commentArbitrary = fc.stringMatching(/^[a-z "'{}:&*|#-]{0,12}$/).map((text) => (text === '' ? '' : ` # ${text}`));

/** A manifest as the parts around its tag, laid out in many ways. */
const manifestArbitrary = fc
  .record({
    comments: fc.array(commentArbitrary, { minLength: 4, maxLength: 4 }),
    indent: fc.constantFrom('  ', '    ', ' '),
    quote: quoteArbitrary,
    flow: fc.boolean(),
    crlf: fc.boolean(),
    last: fc.boolean(),
    before: fc.boolean(),
    after: fc.boolean(),
    finalBreak: fc.boolean(),
  })
  .map(
    ({
      comments: [c0 = '', c1 = '', c2 = '', c3 = ''],
      indent,
      quote,
      flow,
      crlf,
      last,
      before,
      after,
      finalBreak,
    }) => {
      const other = `apiVersion: flotilla.dev/v1${c0}\nkind: Instance\nmetadata: { name: other }\nspec: { host: a, imageTag: v1 }\n`;
      const head = `${before ? `${other}---\n` : ''}kind: Instance${c1}\napiVersion: flotilla.dev/v1\nmetadata:\n${indent}name: acme\n`;
      const opening = flow ? `spec: {\n${indent}` : `spec:${c2}\n${indent}`;
      const separator = flow ? `,\n${indent}` : `${c3}\n${indent}`;
      const field = (rest: string) => (last ? `host: a${separator}${rest}` : rest);
      const closing = (flow ? '\n}' : '') + (after ? `\n---\n${other}` : finalBreak ? '\n' : '');
      const lay = (text: string) => (crlf ? text.replaceAll('\n', '\r\n') : text);
      const start = lay(head + opening + field('imageTag: '));
      return {
        start,
        end: lay((last ? '' : `${separator}host: a`) + closing),
        quote,
        /** The whole manifest without a tag. */
        bare: lay(`${head + opening}host: a${closing}`),
      };
    },
  );

describe('for any layout', () => {
  test('every byte outside the scalar stays, and the tag reads back', () => {
    fc.assert(
      fc.property(manifestArbitrary, tagArbitrary, tagArbitrary, ({ start, end, quote }, old, tag) => {
        const oldWritten = quote !== '' ? quote + old + quote : parse(old) === old ? old : `"${old}"`;
        const { text, previous } = setImageTag(start + oldWritten + end, 'acme', tag);
        expect(previous).toBe(old);
        expect(text.startsWith(start)).toBe(true);
        expect(text.endsWith(end)).toBe(true);
        expect([tag, `"${tag}"`, `'${tag}'`]).toContain(text.slice(start.length, text.length - end.length));
        expect(tagOf(text)).toBe(tag);
        expect(tagOf(setImageTag(text, 'acme', old).text)).toBe(old);
      }),
      { numRuns: 300 },
    );
  });

  test('a tag is added without losing a byte', () => {
    fc.assert(
      fc.property(manifestArbitrary, tagArbitrary, ({ bare: before }, tag) => {
        const { text, previous } = setImageTag(before, 'acme', tag);
        expect(previous).toBeNull();
        expect(tagOf(text)).toBe(tag);
        let same = 0;
        while (same < before.length && text[same] === before[same]) same++;
        expect(text.endsWith(before.slice(same))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('a suspension that is taken back leaves the text as it was, but for a false in a flow map', () => {
    fc.assert(
      fc.property(manifestArbitrary, ({ bare: before }) => {
        const suspended = setInstanceField(before, 'acme', 'suspend', true).text;
        const { text } = clearSuspend(suspended, 'acme');
        expect([before, suspended.replace('suspend: true', 'suspend: false')]).toContain(text);
        expect(clearSuspend(text, 'acme').text).toBe(text);
      }),
      { numRuns: 300 },
    );
  });
});

function tagOf(text: string): unknown {
  const values = parseAllDocuments(text).map(
    (document) => document.toJS() as { metadata: { name: string }; spec: { imageTag: unknown } },
  );
  return values.find((value) => value.metadata.name === 'acme')?.spec.imageTag;
}
