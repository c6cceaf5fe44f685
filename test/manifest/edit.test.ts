import { chmod, readdir, readFile, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { clearSuspend, setImageTag, setInstanceField } from '../../src/manifest/edit.js';
import { setImageTagInFiles, setSuspendInFiles } from '../../src/manifest/edit-file.js';
import { directoryOf, instance } from './support.js';

const HEAD = 'apiVersion: flotilla.dev/v1\nkind: Instance\nmetadata: { name: acme }\n';

function withSpec(spec: string): string {
  return `${HEAD}spec:${spec}`;
}

function edited(spec: string, tag = 'v2'): string {
  return setImageTag(withSpec(spec), 'acme', tag).text.slice(HEAD.length + 'spec:'.length);
}

describe('replacing a tag', () => {
  test.each([
    ['plain', '\n  imageTag: v1   # why\n  host: a\n', '\n  imageTag: v2   # why\n  host: a\n'],
    ['in single quotes', "\n  imageTag: 'v1'\n", "\n  imageTag: 'v2'\n"],
    ['in double quotes', '\n  imageTag: "v1"\n', '\n  imageTag: "v2"\n'],
    ['in a flow map', ' {host: a,imageTag: v1}', ' {host: a,imageTag: v2}'],
    ['with CRLF', '\r\n  host: a\r\n  imageTag: v1\r\n', '\r\n  host: a\r\n  imageTag: v2\r\n'],
    ['that is a number', ' { imageTag: 1.1 }', ' { imageTag: v2 }'],
    ['that is not there yet', '\n  imageTag:\n  host: a\n', '\n  imageTag: v2\n  host: a\n'],
    ['that is only a comment yet', '\n  imageTag: # todo\n', '\n  imageTag: v2 # todo\n'],
    ['over two lines', '\n  imageTag: "v\n    1"\n', '\n  imageTag: "v2"\n'],
    ['with an anchor that nothing uses', '\n  imageTag: &tag v1\n', '\n  imageTag: &tag v2\n'],
    ['with a tag of its own', '\n  imageTag: !!str 1.1\n', '\n  imageTag: !!str v2\n'],
    [
      'that is an alias: here only',
      '\n  values: { t: &t v1 }\n  imageTag: *t\n',
      '\n  values: { t: &t v1 }\n  imageTag: v2\n',
    ],
  ])('%s', (_, before, after) => {
    expect(edited(before)).toBe(after);
  });

  test.each(['1.10', '1e3', 'true', 'null', 'NULL', '0x1F', '12', '1.', '0o7'])('%s reads back as text', (tag) => {
    expect(edited('\n  imageTag: v1\n', tag)).toBe(`\n  imageTag: "${tag}"\n`);
    expect(edited('\n  host: a\n', tag)).toBe(`\n  host: a\n  imageTag: "${tag}"\n`);
  });

  test('says which line it is on now and what was there', () => {
    const text = `${instance('other')}---\n${withSpec('\n  host: a\n  imageTag: "v1"\n')}`;
    expect(setImageTag(text, 'acme', 'v2')).toMatchObject({ line: 11, previous: 'v1' });
    expect(setImageTag(withSpec(' { host: a }'), 'acme', 'v2')).toMatchObject({ line: 4, previous: null });
  });
});

describe('adding a tag', () => {
  test.each([
    [
      'below host',
      '\n  # where\n  host: a # here\n  fleet: b\n',
      '\n  # where\n  host: a # here\n  imageTag: v2\n  fleet: b\n',
    ],
    ['at the end of a file without a last line break', '\n    host: a', '\n    host: a\n    imageTag: v2'],
    ['with CRLF', '\r\n  host: a\r\n  fleet: b\r\n', '\r\n  host: a\r\n  imageTag: v2\r\n  fleet: b\r\n'],
    ['above a map when there is no other field', '\n  values:\n    a: 1\n', '\n  imageTag: v2\n  values:\n    a: 1\n'],
    ['to a flow map', ' { fleet: b, host: a }', ' { fleet: b, host: a, imageTag: v2 }'],
    ['to a flow map over lines', ' {\n  host: a,\n  fleet: b\n}', ' {\n  host: a,\n  imageTag: v2,\n  fleet: b\n}'],
    ['to an empty flow map', ' {}', ' { imageTag: v2 }'],
    [
      'over what a merge key gives',
      ' { <<: { imageTag: v1 }, host: a }',
      ' { <<: { imageTag: v1 }, host: a, imageTag: v2 }',
    ],
  ])('%s', (_, before, after) => {
    expect(edited(before)).toBe(after);
  });

  test('to JSON, as JSON', () => {
    const value = {
      apiVersion: 'flotilla.dev/v1',
      kind: 'Instance',
      metadata: { name: 'acme' },
      spec: { host: 'a', fleet: 'b' },
    };
    const text = setImageTag(JSON.stringify(value, null, 2), 'acme', 'v2').text;
    expect(text).toContain('    "host": "a",\n    "imageTag": "v2",\n    "fleet": "b"');
    expect(JSON.parse(setImageTag(JSON.stringify(value), 'acme', '1').text).spec.imageTag).toBe('1');
  });
});

describe('refusing', () => {
  const refusal = (text: string, tag = 'v2') => {
    try {
      return setImageTag(text, 'acme', tag).text;
    } catch (error) {
      return `${(error as { code: string }).code}: ${(error as Error).message}`;
    }
  };

  test.each([
    ['a block text', '\n  imageTag: |-\n    v1\n', 'its value is a block text'],
    ['a map', '\n  imageTag: { a: 1 }\n', 'a map or list stands where one value is expected'],
    ['no spec', '\n', 'it has no spec'],
    [
      'an anchor that others use',
      '\n  imageTag: &t v1\n  values: { t: *t }\n',
      'its imageTag cannot be changed without changing something else (is there an anchor in it?)',
    ],
    [
      'an error in the document',
      '\n  imageTag: v1\n  imageTag: v1\n',
      'its document has errors: run flotilla validate',
    ],
  ])('%s', (_, spec, reason) => {
    expect(refusal(withSpec(spec))).toBe(`ManifestInvalid: cannot edit the manifest of acme: ${reason}`);
  });

  test('a spec that is an alias', () => {
    const text = `${HEAD.replace('metadata', 'x: &s { host: a }\nmetadata')}spec: *s\n`;
    expect(refusal(text)).toBe('ManifestInvalid: cannot edit the manifest of acme: its spec is an alias');
  });

  test('what is no tag, and what is not there or there twice', () => {
    expect(refusal(instance('acme'), 'v 2')).toMatch(/^UsageInvalid: expected an image tag: .* found "v 2"$/);
    expect(refusal(instance('acme2'))).toBe('InstanceNotFound: instance acme is not declared here');
    expect(refusal(`${instance('acme')}---\n${instance('acme')}`)).toMatch(/declared more than once$/);
  });
});

test('other fields of one scalar are edited the same way', () => {
  expect(setInstanceField(withSpec('\n  host: a\n'), 'acme', 'suspend', true).text).toBe(
    withSpec('\n  host: a\n  suspend: true\n'),
  );
  expect(setInstanceField(withSpec(' { suspend: true }'), 'acme', 'suspend', false).text).toBe(
    withSpec(' { suspend: false }'),
  );
});

describe('taking a suspension back', () => {
  test.each([
    ['removes its line', '\n  host: a # here\n  suspend: true\n  fleet: b\n', '\n  host: a # here\n  fleet: b\n'],
    ['that comes first', '\n  suspend: true\n  host: a\n', '\n  host: a\n'],
    ['with CRLF', '\r\n  host: a\r\n  suspend: true  \r\n  fleet: b\r\n', '\r\n  host: a\r\n  fleet: b\r\n'],
    ['at the end of a file without a last line break', '\n  host: a\n  suspend: true', '\n  host: a'],
    ['keeps a line with a comment', '\n  host: a\n  suspend: true # why\n', '\n  host: a\n  suspend: false # why\n'],
    ['in a flow map', ' { host: a, suspend: true }', ' { host: a, suspend: false }'],
    ['that is an alias', '\n  registered: &t true\n  suspend: *t\n', '\n  registered: &t true\n  suspend: false\n'],
    [
      'that a merge key gives',
      '\n  <<: { suspend: true }\n  host: a\n',
      '\n  <<: { suspend: true }\n  host: a\n  suspend: false\n',
    ],
    [
      'that a merge key gives too',
      '\n  <<: { suspend: true }\n  host: a\n  suspend: true\n',
      '\n  <<: { suspend: true }\n  host: a\n  suspend: false\n',
    ],
    ['that is not there', '\n  host: a\n', '\n  host: a\n'],
    ['that is false', '\n  host: a\n  suspend: false\n', '\n  host: a\n  suspend: false\n'],
  ])('%s', (_, before, after) => {
    expect(clearSuspend(withSpec(before), 'acme').text).toBe(withSpec(after));
  });

  test('keeps the line where others use its anchor', () => {
    const text = withSpec('\n  host: a\n  suspend: &t true\n  registered: *t\n');
    expect(() => clearSuspend(text, 'acme')).toThrow('cannot be changed without changing something else');
  });
});

describe('in files', () => {
  test('suspends and resumes several, in one file and in others, and says on which lines', async () => {
    const block = (name: string) => instance(name).replace(/spec: .*/, 'spec:\n  host: north\n  fleet: production');
    const before = { 'a.yaml': `${block('acme')}---\n${block('beta')}`, 'b.yaml': block('coop') };
    const root = await directoryOf(before);
    const change = async (suspend: boolean) => {
      const edits = await setSuspendInFiles({ manifests: root, slugs: ['beta', 'coop', 'acme', 'beta'], suspend });
      return edits.map(({ slug, file, line, changed }) => [slug, file.slice(root.length + 1), line, changed]);
    };
    expect(await change(true)).toEqual([
      ['beta', 'a.yaml', 14, true],
      ['coop', 'b.yaml', 6, true],
      ['acme', 'a.yaml', 6, true],
    ]);
    const suspended = await readFile(join(root, 'a.yaml'), 'utf8');
    expect(suspended.split('\n').flatMap((line, at) => (line === '  suspend: true' ? [at + 1] : []))).toEqual([6, 14]);
    expect((await change(true)).map(([, , , changed]) => changed)).toEqual([false, false, false]);
    await change(false);
    for (const [path, text] of Object.entries(before)) expect(await readFile(join(root, path), 'utf8')).toBe(text);
  });

  test('an instance of a suspended fleet says itself that it is not', async () => {
    const fleet = 'apiVersion: flotilla.dev/v1\nkind: Fleet\nmetadata: { name: production }\nspec: { suspend: true }\n';
    const root = await directoryOf({ 'a.yaml': instance('acme'), 'fleet.yaml': fleet });
    await setSuspendInFiles({ manifests: root, slugs: ['acme'], suspend: false });
    expect(await readFile(join(root, 'a.yaml'), 'utf8')).toBe(
      instance('acme', 'fleet: production, host: north, suspend: false'),
    );
  });

  test('writes none where one cannot be edited', async () => {
    const broken = instance('beta', 'host: a, suspend: { a: 1 }');
    const root = await directoryOf({ 'a.yaml': instance('acme'), 'b.yaml': broken });
    await expect(setSuspendInFiles({ manifests: root, slugs: ['acme', 'beta'], suspend: true })).rejects.toMatchObject({
      code: 'ManifestInvalid',
    });
    expect(await readFile(join(root, 'a.yaml'), 'utf8')).toBe(instance('acme'));
  });

  test('finds the file, replaces it in one step and keeps its mode', async () => {
    const root = await directoryOf({ 'a.yaml': instance('other'), 'deep/b.yaml': `# mine\n${instance('acme')}` });
    await chmod(join(root, 'deep/b.yaml'), 0o640);
    await symlink('deep/b.yaml', join(root, 'link.yaml'));
    const edit = await setImageTagInFiles({ manifests: root, slug: 'acme', tag: 'v2' });
    expect(edit).toMatchObject({ file: join(root, 'deep/b.yaml'), line: 5, previous: null });
    expect(await readFile(join(root, 'deep/b.yaml'), 'utf8')).toBe(
      `# mine\n${instance('acme', 'fleet: production, host: north, imageTag: v2')}`,
    );
    expect((await stat(join(root, 'deep/b.yaml'))).mode & 0o777).toBe(0o640);
    expect(await readdir(join(root, 'deep'))).toEqual(['b.yaml']);
  });

  test('does not write a file that stays as it is', async () => {
    const root = await directoryOf({ 'a.yaml': instance('acme', 'host: a, imageTag: v2') });
    const before = await stat(join(root, 'a.yaml'));
    await setImageTagInFiles({ manifests: root, slug: 'acme', tag: 'v2' });
    expect((await stat(join(root, 'a.yaml'))).ino).toBe(before.ino);
  });

  test('names the nearest instance, and both files of two', async () => {
    const root = await directoryOf({ 'a.yaml': instance('acme'), 'b.yaml': instance('acme') });
    await expect(setImageTagInFiles({ manifests: root, slug: 'acne', tag: 'v2' })).rejects.toMatchObject({
      code: 'InstanceNotFound',
      hint: 'did you mean acme?',
    });
    await expect(setImageTagInFiles({ manifests: root, slug: 'acme', tag: 'v2' })).rejects.toThrow(
      `instance acme is declared more than once: in ${root}/a.yaml and ${root}/b.yaml`,
    );
    expect(await readFile(join(root, 'a.yaml'), 'utf8')).toBe(instance('acme'));
  });
});
