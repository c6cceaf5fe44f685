import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createManifestCache, loadDesiredState } from '../../src/manifest/load.js';
import { directoryOf, instance, load } from './support.js';

/** The files of which nobody can tell whether they declare an instance that is missing. */
async function unreadable(files: Readonly<Record<string, string | Buffer>>): Promise<string[]> {
  const state = await load(files);
  return state.unreadable.map((file) => file.replace(/^.*\/manifests\//, ''));
}

describe('a file may declare an instance that nobody can see', () => {
  it.each([
    ['a document that is not closed', `${instance('a')}---\nkind: [Instance\n`],
    ['a document without a kind', 'metadata: { name: b }\n'],
    ['a document whose kind is an alias of nothing', instance('b').replace('Instance', '*nothing')],
    ['a document without a name', instance('b').replace('name: b', 'labels: {}')],
    ['a document with a name that is none', instance('B_b')],
    ['two documents that have lost what parts them', `${instance('a')}${instance('b')}`],
    ['a text that is no manifest', 'hello\n'],
    ['nothing: a save that is under way', ''],
    ['nothing but white space', '\n \n'],
    ['bytes that are not UTF-8', Buffer.from([0x61, 0xff, 0xfe])],
  ])('%s', async (_, content) => {
    expect(await unreadable({ 'good.yaml': instance('good'), 'bad.yaml': content })).toEqual(['bad.yaml']);
  });

  it('a link that leads nowhere, and a link to a directory outside', async () => {
    const root = await directoryOf({
      'manifests/good.yaml': instance('good'),
      'templates/t/template.yaml': '',
      'out/x.yaml': '',
    });
    await symlink('nowhere', join(root, 'manifests/gone.yaml'));
    await symlink(join(root, 'out'), join(root, 'manifests/away'));
    const manifests = join(root, 'manifests');
    const state = await loadDesiredState({ manifests, templates: join(root, 'templates') });
    expect(state.unreadable).toEqual([join(manifests, 'away'), join(manifests, 'gone.yaml')]);
  });
});

describe('a file hides no instance', () => {
  it.each([
    ['in order', instance('b')],
    ['with a field that is not known', instance('b', 'fleet: production, host: north, colour: red')],
    ['with a fleet that is not there', instance('b', 'fleet: nowhere, host: north')],
    ['with an unknown tag on a value', instance('b', 'fleet: production, host: north, imageTag: !x v1')],
  ])('%s', async (_, content) => {
    expect(await unreadable({ 'b.yaml': content })).toEqual([]);
  });
});

it('says the same from memory, and no more once the file is mended', async () => {
  const root = await directoryOf({ 'manifests/a.yaml': 'kind: [', 'templates/t/template.yaml': '' });
  const options = {
    manifests: join(root, 'manifests'),
    templates: join(root, 'templates'),
    cache: createManifestCache(),
  };
  const file = join(options.manifests, 'a.yaml');
  expect((await loadDesiredState(options)).unreadable).toEqual([file]);
  expect((await loadDesiredState(options)).unreadable).toEqual([file]);
  await writeFile(file, instance('a'));
  expect((await loadDesiredState(options)).unreadable).toEqual([]);
});
