import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Value, Values } from '../../src/manifest/desired-state.js';
import { parseDuration } from '../../src/manifest/duration.js';
import { mergeValues } from '../../src/manifest/merge-values.js';
import { nearestName } from '../../src/manifest/nearest.js';
import { readTemplateManifest } from '../../src/manifest/read-manifests.js';
import { KIND_SCHEMAS, manifestSchema } from '../../src/manifest/schema.js';
import { excerptOf } from '../../src/manifest/source-text.js';

describe('mergeValues', () => {
  const { values } = fc.letrec<{ value: Value; values: Values }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.constant(null),
      fc.integer(),
      fc.string(),
      fc.array(fc.integer()),
      tie('values'),
    ),
    values: fc.dictionary(fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor'), tie('value'), {
      noNullPrototype: true,
    }),
  }));

  test('has the empty map on either side as neutral element', () => {
    fc.assert(
      fc.property(values, (a) => {
        expect(mergeValues(a, {})).toEqual(a);
        expect(mergeValues({}, a)).toEqual(a);
        expect(mergeValues(a, a)).toEqual(a);
      }),
    );
  });

  test('lets the later win at every leaf and changes neither argument', () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        const before = JSON.stringify([a, b]);
        const merged = mergeValues(a, b);
        expect(mergeValues(merged, b)).toEqual(merged);
        expect(Object.keys(merged).sort()).toEqual([...new Set([...Object.keys(a), ...Object.keys(b)])].sort());
        expect(Object.getPrototypeOf(merged)).toBe(Object.prototype);
        expect(JSON.stringify([a, b])).toBe(before);
      }),
    );
  });

  test('merges maps, and replaces lists, scalars and null', () => {
    expect(mergeValues({ a: { x: 1, y: 2 }, b: [1, 2], c: { z: 1 } }, { a: { y: 3 }, b: [3], c: null })).toEqual({
      a: { x: 1, y: 3 },
      b: [3],
      c: null,
    });
  });
});

test.each([
  ['prodution', 'production'],
  ['Heal', 'Heal'],
  ['HEAL', 'Heal'],
  ['imgTag', 'imageTag'],
  ['hsot', 'host'],
  ['x', undefined],
  ['', undefined],
  ['completely', undefined],
])('nearestName of %j is %j', (name, expected) => {
  expect(nearestName(name, ['production', 'Heal', 'imageTag', 'host'])).toBe(expected);
});

test.each([
  ['10m', 600_000],
  ['90s', 90_000],
  ['1h30m', 5_400_000],
  ['500ms', 500],
  ['1s500ms', 1500],
  ['0s', 0],
  ['', undefined],
  ['10', undefined],
  ['-1s', undefined],
  ['1m1h', undefined],
  ['1.5h', undefined],
])('parseDuration of %j is %j', (text, expected) => {
  expect(parseDuration(text)).toBe(expected);
});

describe('excerptOf', () => {
  test('cuts a long line around the caret', () => {
    const [line, caret] = excerptOf(`${'a'.repeat(200)}X${'b'.repeat(200)}`, 201).split('\n');
    expect(line).toHaveLength(122);
    expect(line?.[(caret?.length ?? 0) - 1]).toBe('X');
  });

  test('keeps control characters off the terminal, and tabs under tabs', () => {
    expect(excerptOf('\ta\u001b[31mb', 4)).toBe('\ta?[31mb\n\t  ^');
  });
});

describe('the schemas', () => {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });

  test('are valid JSON Schema 2020-12, each and together', () => {
    for (const kind of [undefined, 'Instance', 'Fleet', 'Host', 'Template'] as const) {
      expect(ajv.validateSchema(manifestSchema(kind)), kind).toBe(true);
    }
    const validate = ajv.compile(manifestSchema());
    const host = { apiVersion: 'flotilla.dev/v1', kind: 'Host', metadata: { name: 'a' }, spec: { local: 'x' } };
    expect(validate(host)).toBe(true);
    expect(validate({ ...host, spec: {} })).toBe(false);
    expect(validate({ ...host, kind: 'Hots' })).toBe(false);
  });

  test('describe every field, with examples that the field admits', () => {
    interface Field {
      type?: string | readonly string[];
      description?: string;
      examples?: readonly unknown[];
      default?: unknown;
      properties?: Record<string, Field>;
      items?: Field;
    }
    const check = (field: Field, path: string) => {
      for (const [name, child] of Object.entries(field.properties ?? {})) {
        const at = `${path}.${name}`;
        expect(child.description, at).toMatch(/^[A-Z].*\.$/);
        expect(child.examples?.length, at).toBeGreaterThan(0);
        const samples = [...(child.examples ?? []), ...(child.default === undefined ? [] : [child.default])];
        for (const sample of samples)
          expect(ajv.validate(child, sample), `${at}: ${JSON.stringify(sample)}`).toBe(true);
        check(child, at);
        if (child.items !== undefined) check(child.items, `${at}[]`);
      }
    };
    for (const [kind, schema] of Object.entries(KIND_SCHEMAS)) check(schema as unknown as Field, kind);
  });
});

describe('readTemplateManifest', () => {
  const head = 'apiVersion: flotilla.dev/v1\nkind: Template\nmetadata: { name: t }\n';

  test('reads one Template', () => {
    const { manifest, problems } = readTemplateManifest('t.yaml', `${head}spec: { compose: [a.yml, b.yml] }\n`);
    expect(problems).toEqual([]);
    expect(manifest?.spec.compose).toEqual(['a.yml', 'b.yml']);
  });

  test('explains what is wrong as TemplateInvalid', () => {
    const text = `${head}spec: { compose: ../a.yml, files: [{ path: .env, mode: 0600 }], onChange: [{ path: a, service: b, action: Kill }] }\n`;
    const { manifest, problems } = readTemplateManifest('t.yaml', text);
    expect(manifest).toBeUndefined();
    expect(problems.map(({ code, message, hint }) => [code, message, hint])).toEqual([
      [
        'TemplateInvalid',
        'spec.compose: expected a relative path inside the directory it is read in: no leading "/", no "." or "..", no backslash, found "../a.yml"',
        undefined,
      ],
      [
        'TemplateInvalid',
        'spec.files[0].mode: expected permission bits as octal digits in quotes, such as "0600", found a number',
        'put it in quotes: "0600"',
      ],
      [
        'TemplateInvalid',
        'spec.onChange[0].action: expected Restart, Recreate, None or Signal:NAME (such as Signal:SIGHUP), found "Kill"',
        undefined,
      ],
    ]);
    expect(readTemplateManifest('t.yaml', '').problems).toEqual([
      {
        code: 'TemplateInvalid',
        message: 'expected exactly one document, of kind Template',
        file: 't.yaml',
        line: 1,
        column: 1,
      },
    ]);
  });
});
