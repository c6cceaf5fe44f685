import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createManifestCache, loadDesiredState } from '../../src/manifest/load.js';
import { BASE, directoryOf, instance, load, show } from './support.js';

test('reads yaml, yml and JSON in folders, not dotfiles; JSON with tabs too', async () => {
  const json = JSON.stringify(
    {
      apiVersion: 'flotilla.dev/v1',
      kind: 'Instance',
      metadata: { name: 'json' },
      spec: { fleet: 'production', host: 'north' },
    },
    null,
    '\t',
  );
  const state = await load({
    'deep/er/a.yml': instance('yml'),
    'b.json': json,
    '.hidden.yaml': instance('hidden'),
    '.git/c.yaml': instance('git'),
    'README.md': 'no',
    'empty.yaml': '# nothing\n---\n---\n',
  });
  expect(state.problems).toEqual([]);
  expect(state.instances.map(({ slug }) => slug)).toEqual(['json', 'yml']);
});

test('anchors and merge keys work; keys are always names', async () => {
  const spec = 'fleet: production, host: north, values: { 1.10: &a { x: 1 }, b: { <<: *a, y: 2 } }';
  const state = await load({ 'a.yaml': instance('acme', spec) });
  expect(state.problems).toEqual([]);
  expect(state.instances[0]?.values).toEqual({ '1.10': { x: 1 }, b: { x: 1, y: 2 } });
});

test('links are followed inside the tree and refused outside it', async () => {
  const root = await directoryOf({
    'templates/changemaker/template.yaml': '',
    'manifests/base.yaml': BASE,
    'manifests/..data/acme.yaml': instance('acme'),
    'elsewhere/beta.yaml': instance('beta'),
  });
  await symlink('..data/acme.yaml', join(root, 'manifests/acme.yaml'));
  await symlink('base.yaml', join(root, 'manifests/again.yaml'));
  await symlink('.', join(root, 'manifests/loop'));
  await symlink('../elsewhere/beta.yaml', join(root, 'manifests/out.yaml'));
  await symlink('../elsewhere', join(root, 'manifests/out'));
  await symlink('nowhere', join(root, 'manifests/dangling.yaml'));
  const state = await loadDesiredState({ manifests: join(root, 'manifests'), templates: join(root, 'templates') });
  expect(state.instances.map(({ slug }) => slug)).toEqual(['acme']);
  expect(state.problems.map(show)).toEqual([
    `${root}/manifests/dangling.yaml: the path is a link that cannot be followed (ENOENT)`,
    `${root}/manifests/out: the path is a link that leads out of the directory`,
    `${root}/manifests/out.yaml: the path is a link that leads out of the directory`,
  ]);
});

test('the revision is that of all manifests and templates', async () => {
  const files = { 'templates/t/template.yaml': '', 'templates/t/files/.env.mustache': 'A=1', 'manifests/a.yaml': BASE };
  const revisionOf = async (more: Record<string, string>) => {
    const root = await directoryOf({ ...files, ...more });
    return (await loadDesiredState({ manifests: join(root, 'manifests'), templates: join(root, 'templates') }))
      .revision;
  };
  const first = await revisionOf({});
  expect(first).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(await revisionOf({})).toBe(first);
  expect(await revisionOf({ 'manifests/notes.txt': 'x' })).toBe(first);
  expect(await revisionOf({ 'manifests/a.yaml': `${BASE}# x` })).not.toBe(first);
  expect(await revisionOf({ 'templates/t/files/.env.mustache': 'A=2' })).not.toBe(first);
});

test('a directory that is not there is an error worth a retry', async () => {
  const root = await directoryOf({ 'templates/x': '' });
  await expect(
    loadDesiredState({ manifests: join(root, 'no'), templates: join(root, 'templates') }),
  ).rejects.toMatchObject({
    code: 'SourceUnreadable',
    terminal: false,
  });
});

test('a cache gives the same answer, and forgets files that went away', async () => {
  const root = await directoryOf({
    'templates/changemaker/template.yaml': '',
    'manifests/base.yaml': BASE,
    'manifests/a.yaml': instance('acme', 'host: 1'),
  });
  const options = { manifests: join(root, 'manifests'), templates: join(root, 'templates') };
  const cache = createManifestCache();
  cache.set('gone.yaml', { digest: '', read: { documents: [], broken: [], problems: [] } });
  const first = await loadDesiredState({ ...options, cache });
  expect(await loadDesiredState({ ...options, cache })).toEqual(first);
  expect(await loadDesiredState(options)).toEqual(first);
  expect(cache.size).toBe(2);
});
