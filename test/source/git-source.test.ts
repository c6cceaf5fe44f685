import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Logger } from '../../src/log.js';
import { renderInstance } from '../../src/render/render.js';
import type { Snapshot } from '../../src/source/source.js';
import { eventually } from './eventually.js';
import { instance } from './manifests.js';
import { createRepository, type Repository, read } from './repository.js';

let repository: Repository;
beforeEach(() => {
  repository = createRepository();
});
afterEach(() => repository.remove());

const slugs = ({ desired }: Snapshot) => desired.instances.map(({ slug }) => slug);
const tagOf = ({ desired }: Snapshot, slug: string) => desired.instances.find((one) => one.slug === slug)?.imageTag;

describe('a git source', () => {
  it('reads all of one commit, and who made it', async () => {
    const source = repository.source();
    const first = await read(source);
    expect(first.revision).toBe(repository.git('rev-parse', 'HEAD'));
    expect(first.desired.revision).toBe(first.revision);
    expect(first.author).toBe('Ada <ada@example.org>');
    expect(first.desired.problems).toEqual([]);
    expect(slugs(first)).toEqual(['acme', 'beta']);
    expect(first.templates.names).toEqual(['site']);

    const commit = repository.commit({ 'manifests/acme.yaml': instance('acme', 'v2') }, [
      '--author=Bo <bo@example.org>',
    ]);
    const second = await read(source);
    expect(second).toMatchObject({ revision: commit, author: 'Bo <bo@example.org>' });
    expect(tagOf(second, 'acme')).toBe('v2');
  });

  it('gives the same object for the same commit', async () => {
    const source = repository.source();
    expect(await read(source)).toBe(await read(source));
  });

  it('reads one after the other, whoever asks', async () => {
    const source = repository.source();
    const [first, second, third] = await Promise.all([read(source), read(source), read(source)]);
    expect(second).toBe(first);
    expect(third).toBe(first);
  });

  it('takes a commit elsewhere in the repository for a new revision of the same instances', async () => {
    const source = repository.source();
    const before = await read(source);
    const commit = repository.commit({ 'README.md': 'hello\n' });
    const after = await read(source);
    expect(after.revision).toBe(commit);
    expect(after.desired.instances).toEqual(before.desired.instances);
  });

  it('has no control characters in an author, and cuts a long one', async () => {
    repository.commit({}, [`--author=Ev\u0007il\u202e${'x'.repeat(400)} <e@example.org>`]);
    const { author } = await read(repository.source());
    expect(author).toMatch(/^Evilx+$/);
    expect(author).toHaveLength(200);
  });

  it('names files as they are called in the repository, and lets the others stand', async () => {
    repository.commit({
      'manifests/acme.yaml': 'kind: Instance\nmetadata: { name: acme }\nspec: {\n',
      'manifests/copy.yaml': instance('beta'),
      'manifests/gamma.yaml': instance('gamma'),
      'templates/site/files/bad.txt.mustache': '{{nothere}}\n{{#open}}\n',
    });
    const { desired, templates } = await read(repository.source());
    expect(desired.instances.map(({ slug, source }) => [slug, source.file])).toEqual([
      ['gamma', 'manifests/gamma.yaml'],
    ]);
    const told = JSON.stringify([desired.problems, templates.problems, desired.unreadable, desired.brokenSlugs]);
    expect(told).toContain('manifests/acme.yaml');
    expect(told).toContain('also at manifests/copy.yaml:1');
    expect(told).toContain('templates/site/files/bad.txt.mustache');
    expect(told).not.toContain(repository.base);
  });

  it('names files of templates as they are called in the repository when they cannot be rendered', async () => {
    repository.commit({ 'templates/site/files/bad.txt.mustache': '{{values.nothere}}\n' });
    const { desired, templates } = await read(repository.source());
    let problems: unknown;
    try {
      renderInstance(templates.use('site'), desired.instances[0]!);
    } catch (error) {
      problems = (error as { problems: unknown }).problems;
    }
    expect(problems).toMatchObject([{ file: 'templates/site/files/bad.txt.mustache' }]);
  });

  it('reads a tag, and follows it when it is moved', async () => {
    repository.git('tag', '--annotate', '--message', 'one', 'v1');
    const first = repository.git('rev-parse', 'HEAD');
    const second = repository.commit({ 'manifests/acme.yaml': instance('acme', 'v2') });
    const source = repository.source({ ref: { tag: 'v1' } });
    expect((await read(source)).revision).toBe(first);
    repository.git('tag', '--force', 'v1');
    expect((await read(source)).revision).toBe(second);
  });

  it('reads other folders, nested or the whole repository', async () => {
    repository.git('mv', 'manifests', 'fleet');
    repository.git('mv', 'templates', 'fleet/templates');
    repository.commit({ 'notes.yaml': instance('noted') });
    const nested = await read(repository.source({ manifests: './fleet/', templates: 'fleet/templates' }));
    expect(slugs(nested)).toEqual(['acme', 'beta']);
    const whole = await read(repository.source({ manifests: '.', templates: 'fleet/templates' }));
    expect([slugs(whole), whole.desired.problems]).toEqual([['acme', 'beta', 'noted'], []]);
  });

  it('keeps the executable bit, and ignores what is no manifest', async () => {
    repository.commit({ 'templates/site/files/run.sh': '#!/bin/sh\n', 'manifests/README.md': 'hello\n' });
    const { templates } = await read(repository.source());
    expect(templates.use('site').files.map(({ path, mode }) => [path, mode])).toEqual([
      ['docker-compose.yml', 0o644],
      ['run.sh', 0o755],
    ]);
    expect(existsSync(join(repository.state, 'tree/manifests/README.md'))).toBe(false);
  });

  it('calls back about every interval until it is told to stop', async () => {
    const source = repository.source({ intervalMs: 20 });
    const ending = new AbortController();
    let calls = 0;
    await source.watch({ onChange: () => calls++, signal: ending.signal });
    await eventually(() => calls >= 3, 'three calls');
    ending.abort();
    expect(source.name).toBe(`${repository.origin} branch main`);
  });
});

describe('what becomes of a branch', () => {
  it('is still there as it was at an earlier commit, also one that was rewritten', async () => {
    const source = repository.source();
    const { signal } = new AbortController();
    const first = await read(source);
    const abandoned = repository.commit({ 'manifests/acme.yaml': instance('acme', 'v2') });
    await read(source);
    repository.git('reset', '--quiet', '--hard', first.revision);
    const newest = repository.commit({ 'manifests/acme.yaml': 'kind: Instance\n' });
    const head = await read(source);
    const past = await source.readAt(abandoned, { signal });
    expect(past).toMatchObject({ revision: abandoned, author: 'Ada <ada@example.org>' });
    expect(past && tagOf(past, 'acme')).toBe('v2');
    expect((await source.readAt(first.revision, { signal }))?.desired).toEqual(first.desired);
    expect(await read(source)).toBe(head);
    repository.commit({ 'manifests/acme.yaml': instance('acme', 'v3') });
    expect(tagOf(await read(source), 'acme')).toBe('v3');
    expect(newest).toBe(head.revision);
  });

  it.each(['0'.repeat(40), 'HEAD', 'sha256:00', '--all', ''])('has no earlier revision %j', async (revision) => {
    const source = repository.source();
    await read(source);
    expect(await source.readAt(revision, { signal: new AbortController().signal })).toBeNull();
  });

  it('is followed when it is rewritten, which is logged', async () => {
    const info = vi.fn();
    const source = repository.source({}, { info } as unknown as Logger);
    repository.commit({ 'manifests/gamma.yaml': instance('gamma') });
    expect(slugs(await read(source))).toEqual(['acme', 'beta', 'gamma']);
    repository.commit({});
    await read(source);
    expect(info).not.toHaveBeenCalled();
    repository.git('reset', '--quiet', '--hard', 'HEAD~2');
    const commit = repository.commit({ 'manifests/acme.yaml': instance('acme', 'v9') }, ['--amend']);
    const after = await read(source);
    expect([after.revision, slugs(after), tagOf(after, 'acme')]).toEqual([commit, ['acme', 'beta'], 'v9']);
    expect(info.mock.calls).toEqual([[expect.objectContaining({ commit }), 'history of the source was rewritten']]);
  });

  it('is told when it is deleted, and read when it is back', async () => {
    const source = repository.source();
    const before = await read(source);
    repository.git('branch', '--move', 'main', 'other');
    await expect(read(source)).rejects.toMatchObject({
      code: 'SourceUnreadable',
      message: `${repository.origin} has no branch main`,
    });
    repository.git('branch', '--move', 'other', 'main');
    expect(await read(source)).toBe(before);
  });

  it('is told when the repository is moved away, and read when it is back', async () => {
    const source = repository.source();
    await read(source);
    renameSync(repository.origin, `${repository.origin}.away`);
    await expect(read(source)).rejects.toMatchObject({
      code: 'SourceUnreadable',
      message: `there is no repository at ${repository.origin}`,
    });
    renameSync(`${repository.origin}.away`, repository.origin);
    const commit = repository.commit({ 'manifests/acme.yaml': instance('acme', 'v3') });
    expect(await read(source)).toMatchObject({ revision: commit });
  });

  it('is told when a folder is gone: that is no empty fleet', async () => {
    const source = repository.source();
    await read(source);
    repository.commit({ manifests: null });
    await expect(read(source)).rejects.toMatchObject({
      code: 'SourceUnreadable',
      message: `branch main of ${repository.origin} has nothing in the folder manifests`,
    });
  });
});

describe('the clone and the files of the last commit', () => {
  const file = (path: string) => join(repository.state, 'tree', path);
  const stampOf = (path: string) => {
    const { ino, mtimeMs } = statSync(file(path));
    return `${ino} ${mtimeMs}`;
  };

  it('has only written what has changed', async () => {
    const source = repository.source();
    await read(source);
    const [acme, beta, host] = ['acme', 'beta', 'host'].map((name) => stampOf(`manifests/${name}.yaml`));
    repository.commit({
      'manifests/acme.yaml': instance('acme', 'v2'),
      'manifests/beta.yaml': null,
      'manifests/b/c.yaml': instance('c'),
    });
    expect(slugs(await read(source))).toEqual(['acme', 'c']);
    expect(stampOf('manifests/acme.yaml')).not.toBe(acme);
    expect(stampOf('manifests/host.yaml')).toBe(host);
    expect(beta).toBeDefined();
    expect(existsSync(file('manifests/beta.yaml'))).toBe(false);
    repository.commit({ 'manifests/b': null });
    repository.commit({ 'manifests/b': 'now a file\n', 'manifests/c.yaml/d.yaml': instance('d') });
    expect(slugs(await read(source))).toEqual(['acme', 'd']);
  });

  it('writes again what somebody else has changed or removed', async () => {
    const source = repository.source();
    await read(source);
    rmSync(file('manifests/beta.yaml'));
    writeFileSync(file('manifests/acme.yaml'), instance('intruder', 'v6'));
    repository.commit({ 'manifests/gamma.yaml': instance('gamma') });
    expect(slugs(await read(source))).toEqual(['acme', 'beta', 'gamma']);
  });

  it('begins anew after a write that did not end, and does not believe what is there at first', async () => {
    const source = repository.source();
    await read(source);
    // Where the manifests should go there is something that cannot be written below.
    rmSync(join(repository.state, 'tree'), { recursive: true });
    writeFileSync(join(repository.state, 'tree'), '');
    repository.commit({ 'manifests/gamma.yaml': instance('gamma') });
    await expect(read(source)).rejects.toMatchObject({ code: 'SourceUnreadable' });
    expect(slugs(await read(source))).toEqual(['acme', 'beta', 'gamma']);

    writeFileSync(file('manifests/stray.yaml'), instance('stray'));
    writeFileSync(file('manifests/acme.yaml'), instance('acme', 'v6'));
    const restarted = await read(repository.source());
    expect([slugs(restarted), tagOf(restarted, 'acme')]).toEqual([['acme', 'beta', 'gamma'], 'v1']);
  });

  it.each([
    ['has lost its configuration', (clone: string) => writeFileSync(join(clone, 'config'), '[core\n')],
    ['has lost its head', (clone: string) => rmSync(join(clone, 'HEAD'))],
    ['has lost its objects', (clone: string) => rmSync(join(clone, 'objects'), { recursive: true })],
    ['holds a lock that nobody has', (clone: string) => writeFileSync(join(clone, 'refs/flotilla/head.lock'), '')],
  ])('is fetched anew when it %s', async (_, damage) => {
    const source = repository.source();
    await read(source);
    damage(join(repository.state, 'repo.git'));
    const commit = repository.commit({ 'manifests/acme.yaml': instance('acme', 'v2') });
    expect(await read(source)).toMatchObject({ revision: commit });
  });

  it('is fetched anew when a pack of it is damaged', async () => {
    await read(repository.source());
    const packs = join(repository.state, 'repo.git/objects/pack');
    for (const name of readdirSync(packs).filter((each) => each.endsWith('.pack'))) {
      chmodSync(join(packs, name), 0o600);
      writeFileSync(join(packs, name), readFileSync(join(packs, name)).fill(0xff, 12));
    }
    expect(slugs(await read(repository.source()))).toEqual(['acme', 'beta']);
  });

  it('stops at once when it is told to, and goes on the next time', async () => {
    const source = repository.source();
    await expect(read(source, AbortSignal.abort())).rejects.toMatchObject({ code: 'Cancelled' });
    const ending = new AbortController();
    const reading = read(source, ending.signal);
    ending.abort();
    await expect(reading).rejects.toMatchObject({ code: 'Cancelled' });
    expect(slugs(await read(source))).toEqual(['acme', 'beta']);
  });
});
