import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { stageCommit } from '../../src/agent/state/journal.js';
import { apply, commitOf, contents, write } from './support/commits.js';
import {
  canMount,
  mountOrThrow,
  sha256,
  snapshot,
  temporaryDirectory,
  temporaryMount,
  writeTree,
} from './support/tenant-tree.js';

const isRoot = process.getuid?.() === 0;

describe('staging refuses, with the instance untouched,', () => {
  const cases: [string, (tenant: string) => void, string, string][] = [
    ['a link out', (tenant) => symlinkSync('/etc', join(tenant, 'out')), 'out/passwd', 'PathEscapes'],
    ['a link at the end', (tenant) => symlinkSync('f', join(tenant, 'link')), 'link', 'PathEscapes'],
    ['a directory', (tenant) => mkdirSync(join(tenant, 'dir')), 'dir', 'NotWritable'],
    ['a fifo', (tenant) => void spawnSync('mkfifo', [join(tenant, 'fifo')]), 'fifo', 'NotWritable'],
    ['a parent that is a file', () => undefined, 'f/x', 'NotWritable'],
    ['our own directory', () => undefined, '.flotilla/applied.json', 'PathEscapes'],
    ['a path out', () => undefined, '../x', 'PathEscapes'],
  ];
  test.each(cases)('%s', async (_, prepare, path, code) => {
    const tenant = temporaryDirectory();
    writeTree(tenant, { f: 'old' });
    prepare(tenant);
    const before = snapshot(tenant, { times: true });
    const commits = [
      commitOf({ writes: [write('new', 'x'), write(path, 'new')] }),
      commitOf({ writes: [write('new', 'x')], removes: [{ path, sha256: sha256('old') }] }),
    ];
    for (const commit of commits) {
      await expect(stageCommit(tenant, commit)).rejects.toMatchObject({ code, message: expect.stringContaining(path) });
      expect(snapshot(tenant, { times: true })).toEqual(before);
      expect(readdirSync(join(tenant, '.flotilla'))).toEqual([]);
    }
  });

  test('a path that is there twice', async () => {
    const commit = commitOf({ writes: [write('f', 'a')], removes: [{ path: 'f', sha256: sha256('x') }] });
    await expect(stageCommit(temporaryDirectory(), commit)).rejects.toMatchObject({ code: 'PlanInvalid' });
  });

  test.skipIf(!isRoot)('a file that is immutable, and a directory', async () => {
    const tenant = temporaryDirectory();
    writeTree(tenant, { 'dir/f': 'old', g: 'old' });
    for (const path of ['dir', 'g']) {
      if (spawnSync('chattr', ['+i', join(tenant, path)]).status !== 0) return;
      onTestFinished(() => void spawnSync('chattr', ['-i', join(tenant, path)]));
    }
    for (const path of ['dir/f', 'dir/new', 'g']) {
      await expect(
        stageCommit(tenant, commitOf({ writes: [write('a', ''), write(path, 'new')] })),
      ).rejects.toMatchObject({
        code: 'NotWritable',
        message: `cannot write ${path} in ${tenant}: permission denied (EPERM)`,
      });
    }
    expect(readdirSync(join(tenant, '.flotilla'))).toEqual([]);
  });

  test.skipIf(!canMount())('a full disk', async () => {
    const tenant = temporaryMount('64k');
    writeTree(tenant, { f: 'old' });
    const before = snapshot(tenant, { times: true });
    const commit = commitOf({ writes: [write('f', 'new'), write('big.yml', 'x'.repeat(100_000))] });
    await expect(stageCommit(tenant, commit)).rejects.toMatchObject({
      code: 'DiskFull',
      terminal: false,
      message: `cannot write big.yml in ${tenant}: the disk is full`,
      hint: expect.stringContaining('free some space'),
    });
    expect(snapshot(tenant, { times: true })).toEqual(before);
    expect(readdirSync(join(tenant, '.flotilla'))).toEqual([]);
    await apply(tenant, commitOf({ writes: [write('f', 'new')] }));
    expect(contents(tenant, ['f'])).toEqual(['new']);
  });

  test.skipIf(!canMount())('a read-only file system, and one of its own inside the instance', async () => {
    const tenant = temporaryMount('1m');
    writeTree(tenant, { f: 'old', 'inner/x': 'x', 'bound/y': 'y' });
    mountOrThrow(['-o', 'remount,ro', tenant]);
    await expect(stageCommit(tenant, commitOf({ writes: [write('f', 'new')] }))).rejects.toMatchObject({
      code: 'NotWritable',
      message: expect.stringContaining('the file system is read-only'),
    });
    mountOrThrow(['-o', 'remount,rw', tenant]);
    mountOrThrow(['-t', 'tmpfs', 'tmpfs', join(tenant, 'inner')]);
    mountOrThrow(['--bind', join(tenant, 'bound'), join(tenant, 'bound')]);
    onTestFinished(() => void spawnSync('umount', [join(tenant, 'inner'), join(tenant, 'bound')]));
    for (const path of ['inner/new', 'inner/deep/er', 'bound/y', 'bound/new']) {
      await expect(stageCommit(tenant, commitOf({ writes: [write(path, 'new')] }))).rejects.toMatchObject({
        code: 'NotWritable',
        message: `cannot write ${path} in ${tenant}: it is a mount of its own (EXDEV)`,
      });
    }
  });
});
