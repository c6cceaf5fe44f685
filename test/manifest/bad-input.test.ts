import { describe, expect, test } from 'vitest';
import { instance, load, show } from './support.js';

const TAG = 'an image tag: 1 to 128 letters, digits, "_", "." and "-", not starting with "." or "-"';
const LABEL = 'a DNS label: 1 to 63 of a-z, 0-9 and "-", starting and ending with a letter or digit';
const A40 = 'a'.repeat(40);

async function problemsOf(text: string): Promise<string[]> {
  return (await load({ 'acme.yaml': text })).problems.map(show);
}

describe('what is not a manifest', () => {
  test.each([
    ['a', '[1, 2]', 'acme.yaml:1:1: expected a map with apiVersion, kind, metadata and spec, found a list\n[1, 2]\n^'],
    ['b', 'hello', 'acme.yaml:1:1: expected a map with apiVersion, kind, metadata and spec, found "hello"\nhello\n^'],
    ['c', 'a: 1', 'acme.yaml:1:1: kind is missing: expected Instance, Fleet or Host\na: 1\n^'],
    [
      'd',
      'kind: instance',
      'acme.yaml:1:7: kind: expected Instance, Fleet or Host, found "instance"\nkind: instance\n      ^\n(did you mean Instance?)',
    ],
    [
      'e',
      'kind: Template',
      'acme.yaml:1:7: kind: expected Instance, Fleet or Host, found Template\nkind: Template\n      ^\n(a Template belongs in templates/NAME/template.yaml)',
    ],
  ])('is refused where it stands (%s)', async (_, text, message) => {
    expect(await problemsOf(text)).toEqual([message]);
  });
});

describe('image tags', () => {
  test.each([
    ['a space', '"v 2"', '"v 2"'],
    ['a leading dash', '"-v2"', '"-v2"'],
    ['129 characters', 'a'.repeat(129), `"${A40}"… (129 characters)`],
  ])('%s is refused', async (_, written, found) => {
    const [problem, ...others] = await problemsOf(
      instance('acme', `fleet: production, host: north, imageTag: ${written}`),
    );
    expect(others).toEqual([]);
    expect(problem?.split('\n')[0]).toBe(`acme.yaml:4:51: spec.imageTag: expected ${TAG}, found ${found}`);
  });

  test('a number is refused with how to write it', async () => {
    expect(await problemsOf(instance('acme', 'fleet: production, host: north, imageTag: 1.10'))).toEqual([
      `acme.yaml:4:51: spec.imageTag: expected ${TAG}, found a number
spec: { fleet: production, host: north, imageTag: 1.10 }
                                                  ^
(put it in quotes: "1.10")`,
    ]);
  });

  test('128 characters are fine', async () => {
    const text = instance('acme', `fleet: production, host: north, imageTag: ${'a'.repeat(128)}`);
    expect(await problemsOf(text)).toEqual([]);
  });
});

describe('slugs', () => {
  test.each([
    ['"..", which climbs', '".."', '".."'],
    ['a slash', 'a/b', '"a/b"'],
    ['upper case', 'Acme', '"Acme"'],
    ['64 characters', 'a'.repeat(64), `"${A40}"… (64 characters)`],
  ])('%s is refused', async (_, written, found) => {
    const state = await load({ 'acme.yaml': instance(written) });
    expect(state.problems.map((problem) => problem.message)).toEqual([
      `metadata.name: expected ${LABEL}, found ${found}`,
    ]);
    expect(state.problems[0]).toMatchObject({ line: 3, column: 19 });
    expect(state.instances).toEqual([]);
  });

  test('63 characters are fine', async () => {
    expect(await problemsOf(instance('a'.repeat(63)))).toEqual([]);
  });
});

describe('names that nothing has', () => {
  test('an unknown field suggests the nearest', async () => {
    expect(await problemsOf(instance('acme', 'fleet: production, host: north, imgTag: v2'))).toEqual([
      `acme.yaml:4:41: unknown field "imgTag" in spec
spec: { fleet: production, host: north, imgTag: v2 }
                                        ^
(did you mean imageTag?)`,
    ]);
  });

  test('a field unlike any other lists those there are', async () => {
    const [problem] = await problemsOf(`${instance('acme')}zzzzzzzz: 1\n`);
    expect(problem).toBe(
      'acme.yaml:5:1: unknown field "zzzzzzzz" in the document\nzzzzzzzz: 1\n^\n(known fields: apiVersion, kind, metadata, spec)',
    );
  });

  test('an unknown fleet, host and template are told together', async () => {
    expect(await problemsOf(instance('acme', 'fleet: prodution, host: nort, template: changemake'))).toEqual([
      `acme.yaml:4:16: fleet prodution is not declared
spec: { fleet: prodution, host: nort, template: changemake }
               ^
(did you mean production?)`,
      `acme.yaml:4:33: host nort is not declared
spec: { fleet: prodution, host: nort, template: changemake }
                                ^
(did you mean north?)`,
      `acme.yaml:4:49: template changemake is not there: expected a folder of that name with a template.yaml
spec: { fleet: prodution, host: nort, template: changemake }
${' '.repeat(48)}^
(did you mean changemaker?)`,
    ]);
  });

  test('are told of a document that has other problems too', async () => {
    const problems = await problemsOf(instance('acme', 'fleet: prodution, host: north, suspend: maybe'));
    expect(problems.map((problem) => problem.split('\n')[0])).toEqual([
      'acme.yaml:4:16: fleet prodution is not declared',
      'acme.yaml:4:49: spec.suspend: expected true or false, found "maybe"',
    ]);
  });
});

describe('YAML', () => {
  test('a tab as indentation', async () => {
    expect(await problemsOf('kind: Instance\nmetadata:\n\tname: acme\n')).toEqual([
      'acme.yaml:3:1: a tab in the indentation: expected spaces\n\tname: acme\n^',
    ]);
  });

  test('an alias bomb', async () => {
    const lines = ['a: &a [x, x, x, x, x, x, x, x, x]'];
    for (const [from, to] of ['ab', 'bc', 'cd', 'de'].map((pair) => [...pair])) {
      lines.push(`${to}: &${to} [${Array(9).fill(`*${from}`).join(', ')}]`);
    }
    expect(await problemsOf(lines.join('\n'))).toEqual([
      `acme.yaml:2:8: aliases expand too far: expected at most 100 uses of an anchor, counting aliases inside aliases
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]
       ^`,
    ]);
  });

  test('an alias inside what it names, and one without an anchor', async () => {
    expect((await problemsOf('a: &a [*a]'))[0]).toContain('an alias stands inside the value that it names');
    expect(await problemsOf('a: *b')).toEqual(['acme.yaml:1:4: alias *b: expected an anchor &b above it\na: *b\n   ^']);
  });

  test('an unknown tag', async () => {
    expect(await problemsOf(instance('!slug acme'))).toEqual([
      `acme.yaml:3:19: unknown tag "!slug": expected a value that JSON can hold
metadata: { name: !slug acme }
                  ^`,
    ]);
    expect(
      (await problemsOf(instance('acme', 'fleet: production, host: north, values: { a: !!binary aGk= }')))[0],
    ).toContain('unknown tag "!!binary"');
  });

  test('a duplicate key', async () => {
    expect(await problemsOf(instance('acme', 'fleet: production, host: north, host: south'))).toEqual([
      `acme.yaml:4:41: key "host" is there twice in one map: expected each key once
spec: { fleet: production, host: north, host: south }
                                        ^`,
    ]);
  });

  test('a quote that is not closed does not swallow the next document', async () => {
    const state = await load({ 'acme.yaml': `${instance('"acme')}---\n${instance('beta')}` });
    expect(state.instances.map(({ slug }) => slug)).toEqual(['beta']);
    expect(state.problems.map(show)).toEqual([
      'acme.yaml:3:19: a quoted text is not closed: expected its quote again\nmetadata: { name: "acme }\n                  ^',
    ]);
  });

  test('nesting that would exhaust the stack', async () => {
    expect((await problemsOf('['.repeat(20_000)))[0]).toMatch(/^acme.yaml:1:\d+: nested too deeply/);
  });

  test('numbers that JSON cannot hold', async () => {
    const values = 'values: { a: .inf, b: { c: [12345678901234567890] } }';
    expect(
      (await problemsOf(instance('acme', `fleet: production, host: north, ${values}`))).map(
        (text) => text.split('\n')[0],
      ),
    ).toEqual([
      'acme.yaml:4:54: spec.values.a: expected a number that can be kept exactly',
      'acme.yaml:4:69: spec.values.b.c[0]: expected a number that can be kept exactly',
    ]);
  });

  test('a file that is not UTF-8', async () => {
    const state = await load({ 'acme.yaml': Buffer.from([0x61, 0xff]) });
    expect(state.problems.map(show)).toEqual(['acme.yaml: the file is not UTF-8 text']);
  });
});

test('of two documents where one is bad the good one stands', async () => {
  const state = await load({ 'acme.yaml': `${instance('acme', 'host: [')}---\n${instance('beta')}` });
  expect(state.instances.map(({ slug, source }) => [slug, source.line])).toEqual([['beta', 6]]);
  expect(state.problems).toHaveLength(1);
  expect(state.brokenSlugs).toEqual(['acme']);
});

test('hosts take exactly one of agent and local, and https only', async () => {
  const host = (spec: string) => `apiVersion: flotilla.dev/v1\nkind: Host\nmetadata: { name: h }\nspec: ${spec}\n`;
  expect(await problemsOf(host('{}'))).toEqual([
    'acme.yaml:4:1: spec: expected exactly one of agent and local, found neither\nspec: {}\n^',
  ]);
  expect((await problemsOf(host('{ agent: "https://a", local: b }')))[0]).toContain('found agent and local');
  expect((await problemsOf(host('{ agent: "http://a" }')))[0]).toContain(
    'spec.agent: expected an https URL of a host and an optional port, such as https://edmonton-1.example.org:7443, found "http://a"',
  );
  expect((await problemsOf(host('{ agent: "https://a:99999" }')))[0]).toContain(
    'spec.agent: expected an https URL, found',
  );
});

test('durations have units and bounds', async () => {
  const spec = 'fleet: production, host: north, timeouts: { pull: 10, up: 0s, verify: 25h, settle: 1s500ms }';
  expect((await problemsOf(instance('acme', spec))).map((text) => text.split('\n')[0])).toEqual([
    'acme.yaml:4:59: spec.timeouts.pull: expected a duration such as 10m, 90s, 1h30m or 500ms, at most 24h, found a number',
  ]);
  expect(
    (await problemsOf(instance('acme', spec.replace('pull: 10,', '')))).map((text) => text.split('\n')[0]),
  ).toEqual([
    'acme.yaml:4:58: spec.timeouts.up: expected a duration above 0, found "0s"',
    'acme.yaml:4:70: spec.timeouts.verify: expected a duration of at most 24h, found "25h"',
  ]);
});

test('directories stay inside the root', async () => {
  for (const directory of ['../a', '/a', 'a/../b', 'a//b', './a', 'a\\\\b', 'a/', '..', '"a\\0b"']) {
    const [problem] = await problemsOf(instance('acme', `fleet: production, host: north, directory: ${directory}`));
    expect(problem, directory).toContain('spec.directory: expected a relative path inside');
  }
});
