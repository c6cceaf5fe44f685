import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { keepFound } from '../../src/agent/state/found-files.js';
import {
  type GenerationMeta,
  keepGeneration,
  listGenerations,
  markGeneration,
  pruneGenerations,
  readGeneration,
} from '../../src/agent/state/generations.js';
import type { RenderedFile } from '../../src/render/file-set.js';
import {
  canMount,
  renderedFile,
  sha256,
  temporaryDirectory,
  temporaryMount,
  writeTree,
} from './support/tenant-tree.js';

describe('kept file sets', () => {
  test("are read back byte for byte, without what is the tenant's own", async () => {
    const tenant = temporaryDirectory();
    const files = [
      renderedFile('.env', 'SECRET=x\n', { mode: 0o600, sensitive: true }),
      renderedFile('configs/site.yml', 'own', { ownership: 'CreateOnly' }),
      renderedFile('deep/er/nginx.conf', Buffer.from([0, 255, 10])),
    ];
    const meta = metaOf(files, 4);
    await keepGeneration(tenant, 4, meta, files);
    const kept = await readGeneration(tenant, 4);
    expect(kept.meta).toEqual(meta);
    expect(kept.files).toEqual(files.filter((file) => file.ownership === 'Managed'));
    const directory = join(tenant, '.flotilla/generations/4');
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(join(directory, 'files/.env')).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(directory, 'files')).sort()).toEqual(['.env', 'deep']);
  });

  test('one of the same number is replaced, as an apply that went no further is tried again', async () => {
    const tenant = temporaryDirectory();
    for (const content of ['one', 'two']) {
      const files = [renderedFile(content, content)];
      await keepGeneration(tenant, 1, metaOf(files, 1), files);
      expect((await readGeneration(tenant, 1)).files.map((file) => file.path)).toEqual([content]);
    }
    expect(readdirSync(join(tenant, '.flotilla/generations'))).toEqual(['1']);
  });

  test('are listed newest first, with what became of them; what cannot be read is left out', async () => {
    const tenant = temporaryDirectory();
    expect(await listGenerations(tenant, 0)).toEqual([]);
    for (const number of [1, 2, 10]) await keepGeneration(tenant, number, metaOf([], number), []);
    await markGeneration(tenant, 10, 'failed');
    writeTree(tenant, {
      '.flotilla/generations/3/generation.json': '{',
      '.flotilla/generations/.tmp-4/generation.json': '{}',
    });
    const listed = await listGenerations(tenant, 2);
    expect(listed.map(({ number, outcome, live }) => ({ number, outcome, live }))).toEqual([
      { number: 10, outcome: 'failed', live: false },
      { number: 2, outcome: 'verified', live: true },
      { number: 1, outcome: 'verified', live: false },
    ]);
    expect(listed[0]).toMatchObject({ imageTag: 'v1.10.0', cause: 'update', committedAt: '2024-05-01T10:00:00.000Z' });
  });

  test('the live one and the newest five others stay', async () => {
    const tenant = temporaryDirectory();
    for (let number = 1; number <= 9; number += 1) await keepGeneration(tenant, number, metaOf([], number), []);
    await pruneGenerations(tenant, 2);
    expect((await listGenerations(tenant, 2)).map(({ number }) => number)).toEqual([9, 8, 7, 6, 5, 2]);
    await pruneGenerations(tenant, 9);
    expect((await listGenerations(tenant, 9)).map(({ number }) => number)).toEqual([9, 8, 7, 6, 5, 2]);
    await pruneGenerations(tenant, 9, 1);
    expect((await listGenerations(tenant, 9)).map(({ number }) => number)).toEqual([9, 8]);
  });

  test('one that is not kept, edited, or incomplete is refused', async () => {
    const tenant = temporaryDirectory();
    const files = [renderedFile('a', 'a'), renderedFile('b', 'b')];
    await expect(readGeneration(tenant, 7)).rejects.toMatchObject({
      code: 'GenerationNotFound',
      message: `file set 7 is not kept in ${tenant}`,
    });
    await expect(markGeneration(tenant, 7, 'failed')).rejects.toMatchObject({ code: 'GenerationNotFound' });
    await keepGeneration(tenant, 7, metaOf(files, 7), files);
    const directory = join(tenant, '.flotilla/generations/7');
    writeFileSync(join(directory, 'files/a'), 'edited');
    await expect(readGeneration(tenant, 7)).rejects.toMatchObject({
      message: expect.stringContaining('is damaged: a is not what was kept'),
    });
    rmSync(join(directory, 'files/a'));
    await expect(readGeneration(tenant, 7)).rejects.toMatchObject({
      message: expect.stringContaining('is damaged: a cannot be read'),
    });
    writeFileSync(join(directory, 'generation.json'), '{"tenant":{}}');
    await expect(readGeneration(tenant, 7)).rejects.toMatchObject({
      message: expect.stringContaining('is incomplete'),
    });
  });

  test.skipIf(!canMount())('a full disk leaves nothing half kept', async () => {
    const tenant = temporaryMount('64k');
    const files = [renderedFile('big', Buffer.alloc(200_000, 'x'))];
    await expect(keepGeneration(tenant, 1, metaOf(files, 1), files)).rejects.toMatchObject({ code: 'DiskFull' });
    expect(readdirSync(join(tenant, '.flotilla/generations'))).toEqual([]);
  });
});

describe('copies of what was found', () => {
  test('keep the bytes, pass over what is absent, and only the newest five stay', async () => {
    const tenant = temporaryDirectory();
    writeTree(tenant, { '.env': 'EDITED=1', 'nginx/x.conf': 'edited', big: Buffer.alloc(300_000, 'z') });
    for (let number = 1; number <= 7; number += 1)
      await keepFound(tenant, number, ['.env', 'nginx/x.conf', 'gone', 'no/where', 'big']);
    const found = join(tenant, '.flotilla/found');
    expect(readdirSync(found).sort()).toEqual(['3', '4', '5', '6', '7']);
    expect(readFileSync(join(found, '7/nginx/x.conf'), 'utf8')).toBe('edited');
    expect(sha256(readFileSync(join(found, '7/big')))).toBe(sha256(Buffer.alloc(300_000, 'z')));
    expect(statSync(join(found, '7/.env')).mode & 0o777).toBe(0o600);
    expect(statSync(found).mode & 0o777).toBe(0o700);
  });

  test('nothing is made for no paths, and links are refused', async () => {
    const tenant = temporaryDirectory();
    await keepFound(tenant, 1, []);
    expect(readdirSync(tenant)).toEqual([]);
    mkdirSync(join(tenant, 'a'));
    symlinkSync('/etc', join(tenant, 'etc'));
    await expect(keepFound(tenant, 1, ['etc/passwd'])).rejects.toMatchObject({ code: 'PathEscapes' });
    await expect(keepFound(tenant, 1, ['a'])).rejects.toMatchObject({ code: 'NotWritable' });
  });
});

function metaOf(files: readonly RenderedFile[], generation: number): GenerationMeta {
  return {
    tenant: {
      slug: 'acme',
      project: 'acme',
      directory: 'acme',
      host: 'edmonton-1',
      fleet: null,
      template: 'changemaker',
      revision: 'abc',
      imageTag: `v1.${generation}.0`,
      registered: false,
      suspend: false,
      driftPolicy: 'Heal',
      timeouts: { pullMs: 1, upMs: 1, verifyMs: 1, settleMs: 1 },
      digest: `sha256:${generation}`,
      files: files.map(({ content: _, ...entry }) => entry),
      released: [],
      compose: ['docker-compose.yml'],
      tenantCompose: [],
      onChange: [],
    },
    committedAt: '2024-05-01T10:00:00.000Z',
    cause: 'update',
    outcome: 'verified',
  };
}
