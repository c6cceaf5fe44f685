import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { confinePath, resolveTenant } from '../../src/agent/files/confine.js';
import { readManagedFile, readProjectFile } from '../../src/agent/files/confined-file.js';
import { temporaryDirectory, writeTree } from './support/tenant-tree.js';

describe('resolveTenant', () => {
  test('gives the absolute directory, whether it exists or not', async () => {
    const root = temporaryDirectory();
    mkdirSync(join(root, 'acme'));
    expect(await resolveTenant(root, 'acme')).toBe(join(root, 'acme'));
    expect(await resolveTenant(root, 'not/yet')).toBe(join(root, 'not/yet'));
  });

  test('says which root is missing and how to make it', async () => {
    const root = join(temporaryDirectory(), 'gone');
    await expect(resolveTenant(root, 'acme')).rejects.toMatchObject({
      code: 'HostRootMissing',
      message: `the host's root ${root} does not exist`,
      hint: expect.stringContaining(`mkdir -p ${root}`),
    });
  });

  test.each(['', '.', '..', '../x', 'a/../b', '/etc', 'a//b', 'a/', 'a\0b', 'a\\b', '.flotilla', 'a/.Flotilla'])(
    'refuses the directory %j',
    async (directory) => {
      await expect(resolveTenant(temporaryDirectory(), directory)).rejects.toMatchObject({
        code: 'PathEscapes',
        terminal: true,
      });
    },
  );

  test('keeps links inside the root as they are written, and refuses those that lead out', async () => {
    const root = temporaryDirectory();
    mkdirSync(join(root, 'real'));
    symlinkSync('real', join(root, 'inside'));
    symlinkSync(temporaryDirectory(), join(root, 'outside'));
    symlinkSync('/nowhere/at/all', join(root, 'dangling'));
    expect(await resolveTenant(root, 'inside')).toBe(join(root, 'inside'));
    for (const directory of ['outside', 'outside/deeper', 'dangling', 'dangling/deeper']) {
      await expect(resolveTenant(root, directory)).rejects.toMatchObject({ code: 'PathEscapes' });
    }
  });

  test('works below a root that is a link itself', async () => {
    const root = join(temporaryDirectory(), 'link');
    symlinkSync(temporaryDirectory(), root);
    expect(await resolveTenant(root, 'acme')).toBe(join(root, 'acme'));
  });

  test('refuses a file where the directory should be', async () => {
    const root = temporaryDirectory();
    writeFileSync(join(root, 'acme'), '');
    await expect(resolveTenant(root, 'acme')).rejects.toMatchObject({ code: 'NotWritable' });
  });
});

describe('confinePath', () => {
  test('gives the absolute path of plain paths, existing or not', () => {
    const tenant = temporaryDirectory();
    writeTree(tenant, { 'nginx/nginx.conf': 'x' });
    expect(confinePath(tenant, 'nginx/nginx.conf')).toBe(join(tenant, 'nginx/nginx.conf'));
    expect(confinePath(tenant, 'a/b/c.yml')).toBe(join(tenant, 'a/b/c.yml'));
    expect(confinePath(tenant, '..a/...')).toBe(join(tenant, '..a/...'));
  });

  test.each([
    '',
    '/etc/passwd',
    '../x',
    'a/../../x',
    'a/./b',
    'a//b',
    'a/',
    'a\0',
    'a\\b',
    '.flotilla/applied.json',
    'x/.FLOTILLA/y',
  ])('refuses %j and names it', (path) => {
    expect(() => confinePath(temporaryDirectory(), path)).toThrow(
      expect.objectContaining({ code: 'PathEscapes', message: expect.stringContaining(JSON.stringify(path)) }),
    );
  });

  test('refuses a parent that leads out, into our own directory, or nowhere; allows one that stays inside', () => {
    const tenant = temporaryDirectory();
    writeTree(tenant, { 'real/x': 'x', '.flotilla/lock': '' });
    symlinkSync('real', join(tenant, 'inside'));
    symlinkSync('/etc', join(tenant, 'outside'));
    symlinkSync('.flotilla', join(tenant, 'state'));
    symlinkSync('/nowhere', join(tenant, 'dangling'));
    expect(confinePath(tenant, 'inside/x')).toBe(join(tenant, 'inside/x'));
    for (const parent of ['outside', 'state', 'dangling']) {
      expect(() => confinePath(tenant, `${parent}/passwd`)).toThrow(
        expect.objectContaining({ code: 'PathEscapes', message: expect.stringContaining(`"${parent}/passwd"`) }),
      );
    }
  });

  test('refuses a link at the end, even to a file of the same tenant', () => {
    const tenant = temporaryDirectory();
    writeTree(tenant, { real: 'x' });
    symlinkSync('real', join(tenant, 'link'));
    expect(() => confinePath(tenant, 'link')).toThrow(
      expect.objectContaining({ code: 'PathEscapes', message: expect.stringContaining('"link"') }),
    );
  });

  test('says which parent is a file', () => {
    const tenant = temporaryDirectory();
    writeTree(tenant, { conf: 'x' });
    expect(() => confinePath(tenant, 'conf/site.yml')).toThrow(
      expect.objectContaining({ code: 'NotWritable', hint: 'move away conf' }),
    );
  });
});

describe('reading files', () => {
  test('readManagedFile gives the bytes, null when absent, and refuses what is not a plain file', () => {
    const tenant = temporaryDirectory();
    writeTree(tenant, { 'a/b': 'bytes' });
    mkdirSync(join(tenant, 'directory'));
    symlinkSync('/etc', join(tenant, 'out'));
    expect(readManagedFile(tenant, 'a/b')?.toString()).toBe('bytes');
    expect(readManagedFile(tenant, 'a/c')).toBeNull();
    expect(readManagedFile(tenant, 'x/y')).toBeNull();
    expect(() => readManagedFile(tenant, 'directory')).toThrow(expect.objectContaining({ code: 'NotWritable' }));
    expect(() => readManagedFile(tenant, 'out/passwd')).toThrow(expect.objectContaining({ code: 'PathEscapes' }));
  });

  test('readProjectFile follows links inside the instance only', () => {
    const tenant = temporaryDirectory();
    writeTree(tenant, { 'env/common.env': 'A=1', '.flotilla/applied.json': '{}' });
    symlinkSync('env/common.env', join(tenant, '.env'));
    symlinkSync('/etc/passwd', join(tenant, 'passwd'));
    expect(readProjectFile(tenant, '.env')).toBe('A=1');
    expect(readProjectFile(tenant, './env/../env/common.env')).toBe('A=1');
    for (const path of ['passwd', '../x', '/etc/passwd', 'env', 'gone', '.flotilla/applied.json']) {
      expect(readProjectFile(tenant, path)).toBeUndefined();
    }
  });
});
