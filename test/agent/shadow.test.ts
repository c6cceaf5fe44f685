import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { buildShadow } from '../../src/agent/files/shadow.js';
import { snapshot, temporaryDirectory, writeTree } from './support/tenant-tree.js';

const file = (path: string, content: string, mode = 0o644) => ({ path, content: Buffer.from(content), mode });

test('looks as the instance will: new files real, the rest linked, removed ones absent', async () => {
  const tenant = temporaryDirectory();
  const base = temporaryDirectory();
  writeTree(tenant, {
    'docker-compose.yml': 'old',
    '.env': 'A=old',
    'gone.conf': 'x',
    'uploads/a/b': 'photo',
    'nginx/nginx.conf': 'old',
    'nginx/certs/key': 'k',
    'nginx/gone': 'x',
    '.flotilla/applied.json': '{}',
  });
  const before = snapshot(tenant, { times: true });
  const shadow = await buildShadow(tenant, {
    base,
    writes: [file('docker-compose.yml', 'new'), file('nginx/nginx.conf', 'new'), file('new/deep/f', 'f', 0o600)],
    removes: ['gone.conf', 'nginx/gone', 'never/there'],
  });
  const read = (path: string) => readFileSync(join(shadow.directory, path), 'utf8');
  expect(readdirSync(shadow.directory).sort()).toEqual([
    '.env',
    'docker-compose.yml',
    'never',
    'new',
    'nginx',
    'uploads',
  ]);
  expect(
    ['docker-compose.yml', '.env', 'nginx/nginx.conf', 'nginx/certs/key', 'uploads/a/b', 'new/deep/f'].map(read),
  ).toEqual(['new', 'A=old', 'new', 'k', 'photo', 'f']);
  expect(existsSync(join(shadow.directory, 'nginx/gone'))).toBe(false);
  expect(readlinkSync(join(shadow.directory, 'uploads'))).toBe(join(tenant, 'uploads'));
  expect(lstatSync(join(shadow.directory, 'nginx')).isDirectory()).toBe(true);
  expect(statSync(shadow.directory).mode & 0o777).toBe(0o700);
  expect(statSync(join(shadow.directory, 'new/deep/f')).mode & 0o777).toBe(0o600);
  expect(snapshot(tenant, { times: true })).toEqual(before);
  await shadow.dispose();
  await shadow.dispose();
  expect(readdirSync(base)).toEqual([]);
  expect(snapshot(tenant, { times: true })).toEqual(before);
});

test('of an instance that does not exist yet holds the new files only', async () => {
  const shadow = await buildShadow(join(temporaryDirectory(), 'acme'), {
    base: temporaryDirectory(),
    writes: [file('a/b', 'b')],
    removes: [],
  });
  expect(snapshot(shadow.directory)).toMatchObject({ 'a/b': expect.stringContaining('file') });
  await shadow.dispose();
});

test('a linked directory inside the instance is looked through; one that leads out is refused', async () => {
  const tenant = temporaryDirectory();
  const base = temporaryDirectory();
  writeTree(tenant, { 'real/a': 'a', 'real/b': 'b' });
  symlinkSync('real', join(tenant, 'link'));
  symlinkSync('/etc', join(tenant, 'out'));
  const shadow = await buildShadow(tenant, { base, writes: [file('link/a', 'new')], removes: [] });
  expect(['link/a', 'link/b', 'real/a'].map((path) => readFileSync(join(shadow.directory, path), 'utf8'))).toEqual([
    'new',
    'b',
    'a',
  ]);
  await shadow.dispose();
  for (const path of ['out/passwd', '../x', '.flotilla/x']) {
    await expect(buildShadow(tenant, { base, writes: [file(path, 'x')], removes: [] })).rejects.toMatchObject({
      code: 'PathEscapes',
    });
  }
  expect(readdirSync(base)).toEqual([]);
});

test('what cannot be built leaves nothing', async () => {
  const tenant = temporaryDirectory();
  const base = temporaryDirectory();
  mkdirSync(join(tenant, 'dir'));
  await expect(
    buildShadow(tenant, { base, writes: [file('a', 'x'), file('a/b', 'x')], removes: [] }),
  ).rejects.toMatchObject({ code: 'PlanInvalid' });
  expect(readdirSync(base)).toEqual([]);
  await expect(buildShadow(tenant, { base: join(base, 'gone'), writes: [], removes: [] })).rejects.toMatchObject({
    message: expect.stringContaining('ENOENT'),
  });
});
