import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDirectorySource } from '../../src/source/directory-source.js';
import type { Source } from '../../src/source/source.js';
import { eventually } from './eventually.js';
import { FLEET, instance } from './manifests.js';
import { read } from './repository.js';

let base: string;
let ending: AbortController;
/** How often it was told that something has changed. */
let changes: number;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'flotilla-directory-'));
  ending = new AbortController();
  changes = 0;
  for (const [path, content] of Object.entries(FLEET)) write(path, content);
});
afterEach(() => {
  ending.abort();
  rmSync(base, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
});

const at = (path: string) => join(base, path);
function write(path: string, content: string): void {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), content);
}
const sourceOf = (root = '') =>
  createDirectorySource({ manifests: at(join(root, 'manifests')), templates: at(join(root, 'templates')) });
const tagsOf = async (source: Source) => {
  const { desired } = await read(source);
  return Object.fromEntries(desired.instances.map(({ slug, imageTag }) => [slug, imageTag]));
};

/** Reads again whenever it is told to, and gives what the last reading found. */
async function follow(source: Source): Promise<() => Record<string, string> | string> {
  let latest: Record<string, string> | string = {};
  const look = async () => {
    latest = await tagsOf(source).catch((error: { code: string }) => error.code);
  };
  await source.watch({
    signal: ending.signal,
    onChange() {
      changes += 1;
      void look();
    },
  });
  await look();
  return () => latest;
}

describe('a directory source', () => {
  it('reads manifests and templates, and gives the same object while they are the same', async () => {
    const source = sourceOf();
    const first = await read(source);
    expect(first).toMatchObject({ author: null, revision: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) });
    expect(first.desired.revision).toBe(first.revision);
    expect(await read(source)).toBe(first);
    write('manifests/acme.yaml', instance('acme', 'v2'));
    const second = await read(source);
    expect(second.revision).not.toBe(first.revision);
    write('manifests/acme.yaml', instance('acme'));
    expect((await read(source)).revision).toBe(first.revision);
  });

  it('sees a change of a template, and of the mode of its files', async () => {
    const source = sourceOf();
    const first = await read(source);
    chmodSync(at('templates/site/files/docker-compose.yml.mustache'), 0o755);
    const second = await read(source);
    expect(second.templates.get('site')?.digest).not.toBe(first.templates.get('site')?.digest);
    write('templates/site/files/more.txt', 'more\n');
    expect((await read(source)).revision).not.toBe(first.revision);
  });

  it('tells what is wrong with manifests and with templates', async () => {
    write('manifests/acme.yaml', 'kind: [');
    write('templates/site/files/bad.mustache', '{{#open}}');
    const { desired } = await read(sourceOf());
    const files = desired.problems.map(({ file }) => file);
    expect(files).toContain(at('manifests/acme.yaml'));
    expect(files).toContain(at('templates/site/files/bad.mustache'));
  });

  it('cannot be read when a directory is not there, nor when it was cancelled', async () => {
    await expect(sourceOf().read({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'Cancelled' });
    rmSync(at('manifests'), { recursive: true });
    await expect(read(sourceOf())).rejects.toMatchObject({ code: 'SourceUnreadable' });
  });
});

describe('a directory source that is watched', () => {
  const becomes = (latest: () => unknown, expected: unknown, what: string) =>
    eventually(() => JSON.stringify(latest()) === JSON.stringify(expected), what);

  it('is told of edits, atomic saves, new directories and removals', async () => {
    const latest = await follow(sourceOf());
    write('manifests/acme.yaml', instance('acme', 'v2'));
    await becomes(latest, { acme: 'v2', beta: 'v1' }, 'an edit');
    write('new.tmp', instance('acme', 'v3'));
    renameSync(at('new.tmp'), at('manifests/acme.yaml'));
    await becomes(latest, { acme: 'v3', beta: 'v1' }, 'an atomic save');
    write('manifests/deep/er/gamma.yaml', instance('gamma'));
    await becomes(latest, { acme: 'v3', beta: 'v1', gamma: 'v1' }, 'a new directory');
    write('manifests/deep/er/gamma.yaml', instance('gamma', 'v2'));
    await becomes(latest, { acme: 'v3', beta: 'v1', gamma: 'v2' }, 'an edit in a new directory');
    rmSync(at('manifests/deep'), { recursive: true });
    await becomes(latest, { acme: 'v3', beta: 'v1' }, 'a removal');
    const before = changes;
    write('templates/site/files/docker-compose.yml.mustache', 'services: {}\n');
    await eventually(() => changes > before, 'a template');
  });

  it('takes a burst of saves for few changes, and misses none of them', async () => {
    const latest = await follow(sourceOf());
    const slugs = Array.from({ length: 200 }, (_, index) => `t${index}`);
    for (const slug of slugs) write(`manifests/${slug}.yaml`, instance(slug));
    await eventually(() => Object.keys(latest()).length === 202, 'all of them');
    expect(changes).toBeLessThan(20);
  });

  it('is not told of what git does in its own folder', async () => {
    mkdirSync(at('manifests/.git'));
    const latest = await follow(sourceOf());
    write('manifests/.git/index', 'x');
    write('manifests/.git/refs/heads/main', 'x');
    // What comes after it is told, so that there is something to wait for.
    write('manifests/acme.yaml', instance('acme', 'v2'));
    await becomes(latest, { acme: 'v2', beta: 'v1' }, 'the edit');
    expect(changes).toBeLessThanOrEqual(2);
  });

  it('follows a directory that is replaced by another', async () => {
    const latest = await follow(sourceOf());
    cpSync(at('manifests'), at('manifests.new'), { recursive: true });
    write('manifests.new/acme.yaml', instance('acme', 'v2'));
    renameSync(at('manifests'), at('manifests.old'));
    renameSync(at('manifests.new'), at('manifests'));
    await becomes(latest, { acme: 'v2', beta: 'v1' }, 'the other directory');
    write('manifests/acme.yaml', instance('acme', 'v3'));
    await becomes(latest, { acme: 'v3', beta: 'v1' }, 'an edit in it');
  });

  it('follows a link on the way to it that is turned to another release', async () => {
    for (const release of ['1', '2']) {
      for (const name of ['manifests', 'templates'])
        cpSync(at(name), at(`releases/${release}/${name}`), { recursive: true });
    }
    write('releases/2/manifests/acme.yaml', instance('acme', 'v2'));
    symlinkSync('releases/1', at('current'));
    const latest = await follow(sourceOf('current'));
    expect(latest()).toEqual({ acme: 'v1', beta: 'v1' });
    symlinkSync('releases/2', at('current.new'));
    renameSync(at('current.new'), at('current'));
    await becomes(latest, { acme: 'v2', beta: 'v1' }, 'the other release');
    write('releases/2/manifests/acme.yaml', instance('acme', 'v3'));
    await becomes(latest, { acme: 'v3', beta: 'v1' }, 'an edit in it');
  });

  it('follows the links of a mounted configuration', async () => {
    const mount = (version: string, tag: string) => {
      write(`manifests/..${version}/gamma.yaml`, instance('gamma', tag));
      symlinkSync(`..${version}`, at('manifests/..data.new'));
      renameSync(at('manifests/..data.new'), at('manifests/..data'));
    };
    mount('one', 'v1');
    symlinkSync('..data/gamma.yaml', at('manifests/gamma.yaml'));
    const latest = await follow(sourceOf());
    expect(latest()).toEqual({ acme: 'v1', beta: 'v1', gamma: 'v1' });
    mount('two', 'v2');
    await becomes(latest, { acme: 'v1', beta: 'v1', gamma: 'v2' }, 'the other version');
    unlinkSync(at('manifests/gamma.yaml'));
    await becomes(latest, { acme: 'v1', beta: 'v1' }, 'no link');
  });

  it('says so when the directory vanishes, and goes on when it is back', async () => {
    const latest = await follow(sourceOf());
    renameSync(base, `${base}.away`);
    try {
      await becomes(latest, 'SourceUnreadable', 'it is gone');
    } finally {
      renameSync(`${base}.away`, base);
    }
    await becomes(latest, { acme: 'v1', beta: 'v1' }, 'it is back');
    write('manifests/acme.yaml', instance('acme', 'v2'));
    await becomes(latest, { acme: 'v2', beta: 'v1' }, 'an edit in it');
  });

  it('can be watched before it is there', async () => {
    renameSync(at('manifests'), at('later'));
    const latest = await follow(sourceOf());
    expect(latest()).toBe('SourceUnreadable');
    renameSync(at('later'), at('manifests'));
    await becomes(latest, { acme: 'v1', beta: 'v1' }, 'it is there');
  });

  it('is told nothing more once it has ended', async () => {
    await follow(sourceOf());
    ending.abort();
    const other = new AbortController();
    let told = false;
    await sourceOf().watch({ onChange: () => (told = true), signal: other.signal });
    write('manifests/acme.yaml', instance('acme', 'v2'));
    await eventually(() => told, 'another one is told');
    other.abort();
    expect(changes).toBe(0);
  });
});
