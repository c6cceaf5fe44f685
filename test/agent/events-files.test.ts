import {
  appendFileSync,
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { createFileWatcher, type FileWatchOptions } from '../../src/agent/events/watch-files.js';
import { temporaryDirectory, writeTree } from './support/tenant-tree.js';

/** Longer than a change is held back. */
const QUIET_MS = 150;

function watching(root: string, options: Partial<FileWatchOptions> = {}) {
  const told: string[] = [];
  const watcher = createFileWatcher(root, {
    onChange: (slug, path) => told.push(`${slug} ${path}`),
    onTrouble: () => told.push('trouble'),
    ...options,
  });
  onTestFinished(() => watcher.close());
  return {
    watcher,
    /** What is told of it, in order. */
    async after(change: () => unknown): Promise<string[]> {
      change();
      await sleep(QUIET_MS);
      return told.splice(0);
    },
  };
}

/** A root with one instance, whose `docker-compose.yml` and `nginx/x.conf` exist. */
function tenant(...paths: string[]) {
  const root = temporaryDirectory();
  writeTree(root, { 'acme/docker-compose.yml': 'one', 'acme/nginx/x.conf': 'one' });
  const all = new Set(['docker-compose.yml', 'nginx/x.conf', ...paths]);
  const at = (path: string) => join(root, 'acme', path);
  return { root, at, instance: { slug: 'acme', directory: 'acme', paths: all } };
}

function replace(file: string, text: string): void {
  writeFileSync(`${file}.tmp`, text);
  renameSync(`${file}.tmp`, file);
}

test('every way a file changes is told once', async () => {
  const { root, at, instance } = tenant('.env');
  const { watcher, after } = watching(root);
  watcher.watch(instance);
  const [compose, nginx] = [at('docker-compose.yml'), at('nginx/x.conf')];
  expect(await after(() => undefined)).toEqual([]);
  expect(await after(() => writeFileSync(compose, 'two'))).toEqual(['acme docker-compose.yml']);
  expect(await after(() => replace(compose, 'three'))).toEqual(['acme docker-compose.yml']);
  expect(await after(() => replace(compose, 'four'))).toEqual(['acme docker-compose.yml']);
  expect(await after(() => appendFileSync(compose, 'five'))).toEqual(['acme docker-compose.yml']);
  expect(await after(() => chmodSync(compose, 0o600))).toEqual(['acme docker-compose.yml']);
  expect(await after(() => rmSync(compose))).toEqual(['acme docker-compose.yml']);
  expect(await after(() => writeFileSync(compose, 'back'))).toEqual(['acme docker-compose.yml']);
  expect(await after(() => writeFileSync(at('.env'), 'A=1'))).toEqual(['acme .env']);
  expect(await after(() => writeFileSync(nginx, 'two'))).toEqual(['acme nginx/x.conf']);
});

test('a change that keeps the size and the modification time is told', async () => {
  const { root, at, instance } = tenant();
  const { watcher, after } = watching(root);
  watcher.watch(instance);
  const { atime, mtime } = statSync(at('nginx/x.conf'));
  const edit = () => {
    writeFileSync(at('nginx/x.conf'), 'two');
    utimesSync(at('nginx/x.conf'), atime, mtime);
  };
  expect(await after(edit)).toEqual(['acme nginx/x.conf']);
});

test('a save of many steps is one event; a file that is written all the time is told all the time', async () => {
  const { root, at, instance } = tenant();
  const { watcher, after } = watching(root);
  watcher.watch(instance);
  const save = () => {
    renameSync(at('nginx/x.conf'), at('nginx/x.conf~'));
    const fd = openSync(at('nginx/x.conf'), 'w');
    for (let i = 0; i < 100; i += 1) writeSync(fd, 'line\n');
    closeSync(fd);
    chmodSync(at('nginx/x.conf'), 0o640);
    rmSync(at('nginx/x.conf~'));
  };
  expect(await after(save)).toEqual(['acme nginx/x.conf']);
  const writer = setInterval(() => appendFileSync(at('nginx/x.conf'), 'x'), 5);
  await sleep(400);
  clearInterval(writer);
  expect((await after(() => undefined)).length).toBeGreaterThanOrEqual(3);
});

test('a file whose directories do not exist yet is told when it is made, and after they were made anew', async () => {
  const { root, at, instance } = tenant('deep/er/still/f');
  const { watcher, after } = watching(root);
  watcher.watch(instance);
  for (let round = 0; round < 3; round += 1) {
    expect(await after(() => writeTree(at('.'), { 'deep/er/still/f': 'one' }))).toEqual(['acme deep/er/still/f']);
    expect(await after(() => writeFileSync(at('deep/er/still/f'), 'two'))).toEqual(['acme deep/er/still/f']);
    expect(await after(() => rmSync(at('deep'), { recursive: true }))).toEqual(['acme deep/er/still/f']);
  }
});

test('directories that are moved, or replaced within an instant, are followed', async () => {
  const { root, at, instance } = tenant();
  const { watcher, after } = watching(root);
  watcher.watch(instance);
  expect(await after(() => renameSync(at('nginx'), at('nginx.old')))).toEqual(['acme nginx/x.conf']);
  expect(await after(() => writeFileSync(at('nginx.old/x.conf'), 'two'))).toEqual([]);
  expect(await after(() => renameSync(at('nginx.old'), at('nginx')))).toEqual(['acme nginx/x.conf']);
  const anew = () => {
    rmSync(at('nginx'), { recursive: true });
    writeTree(at('.'), { 'nginx/x.conf': 'three' });
  };
  expect(await after(anew)).toEqual(['acme nginx/x.conf']);
  expect(await after(() => writeFileSync(at('nginx/x.conf'), 'four'))).toEqual(['acme nginx/x.conf']);
});

test('an instance whose directory does not exist yet, and one that is removed and comes back', async () => {
  const root = temporaryDirectory();
  const { watcher, after } = watching(root);
  watcher.watch({ slug: 'new', directory: 'group/new', paths: new Set(['a.yml']) });
  expect(await after(() => mkdirSync(join(root, 'group')))).toContain('new a.yml');
  expect(await after(() => writeTree(root, { 'group/new/a.yml': 'one' }))).toEqual(['new a.yml']);
  expect(await after(() => rmSync(join(root, 'group/new'), { recursive: true }))).toEqual(['new a.yml']);
  expect(await after(() => writeTree(root, { 'group/new/a.yml': 'one' }))).toEqual(['new a.yml']);
  expect(await after(() => writeFileSync(join(root, 'group/new/a.yml'), 'two'))).toEqual(['new a.yml']);
});

test("the tenant's own content and Flotilla's directory are not told", async () => {
  const { root, at, instance } = tenant();
  writeTree(at('.'), { '.flotilla/applied.json': '{}', 'content/x.conf': '', 'nginx/own.conf': '' });
  const { watcher, after } = watching(root);
  watcher.watch({ ...instance, paths: new Set([...instance.paths, '.flotilla/applied.json', '../other']) });
  const others = () => {
    for (const path of ['.flotilla/applied.json', 'content/x.conf', 'nginx/own.conf', 'x.conf', '../other'])
      replace(at(path), 'theirs');
    mkdirSync(at('uploads'));
  };
  expect(await after(others)).toEqual([]);
});

test('links are not followed out of the instance, nor into the one beside it', async () => {
  const { root, at, instance } = tenant('out/f', 'beside/f', 'in/f', 'linked');
  const outside = temporaryDirectory();
  writeTree(root, { 'beside/f': 'one', 'acme/real/f': 'one' });
  writeTree(outside, { f: 'one' });
  symlinkSync(outside, at('out'));
  symlinkSync('../beside', at('beside'));
  symlinkSync('real', at('in'));
  symlinkSync(join(outside, 'f'), at('linked'));
  const { watcher, after } = watching(root);
  watcher.watch(instance);
  expect(await after(() => writeFileSync(join(outside, 'f'), 'two'))).toEqual([]);
  expect(await after(() => writeFileSync(join(root, 'beside/f'), 'two'))).toEqual([]);
  expect(await after(() => writeFileSync(at('real/f'), 'two'))).toEqual(['acme in/f']);
  expect(await after(() => rmSync(at('out')))).toEqual([]);
  expect(await after(() => rmSync(at('linked')))).toEqual(['acme linked']);
  expect(await after(() => writeTree(at('.'), { 'out/f': 'ours' }))).toEqual(['acme out/f']);
});

test('paths and instances that are no longer watched are no longer told; those that stay are', async () => {
  const { root, at, instance } = tenant('.env');
  const { watcher, after } = watching(root);
  watcher.watch(instance);
  watcher.watch({ ...instance, paths: new Set(['docker-compose.yml', 'more/f']) });
  const all = () => {
    for (const path of ['docker-compose.yml', 'nginx/x.conf', '.env']) writeFileSync(at(path), 'two');
    writeTree(at('.'), { 'more/f': 'one' });
  };
  expect((await after(all)).sort()).toEqual(['acme docker-compose.yml', 'acme more/f']);
  expect(await after(() => writeTree(root, { 'moved/docker-compose.yml': 'one' }))).toEqual([]);
  watcher.watch({ ...instance, directory: 'moved', paths: new Set(['docker-compose.yml']) });
  expect(await after(all)).toEqual([]);
  expect(await after(() => replace(join(root, 'moved/docker-compose.yml'), 'two'))).toEqual([
    'acme docker-compose.yml',
  ]);
  watcher.forget('acme');
  expect(await after(() => replace(join(root, 'moved/docker-compose.yml'), 'three'))).toEqual([]);
});

test('where no more may be watched it says so, goes on with the rest, and tries again', async () => {
  const { root, at, instance } = tenant();
  writeTree(root, { 'late/f': 'one' });
  const { watcher, after } = watching(root, { maxDirectories: 3, retryMs: 1_500 });
  watcher.watch(instance);
  expect(await after(() => watcher.watch({ slug: 'late', directory: 'late', paths: new Set(['f']) }))).toEqual([
    'trouble',
  ]);
  expect(await after(() => writeFileSync(join(root, 'late/f'), 'two'))).toEqual([]);
  expect(await after(() => writeFileSync(at('nginx/x.conf'), 'two'))).toEqual(['acme nginx/x.conf']);
  watcher.forget('acme');
  await sleep(1_500);
  expect(await after(() => undefined)).toEqual(['trouble']);
  expect(await after(() => writeFileSync(join(root, 'late/f'), 'three'))).toEqual(['late f']);
});

test("the host's root may come later, and go and come back", async () => {
  const root = join(temporaryDirectory(), 'tenants');
  const { watcher, after } = watching(root, { retryMs: 100 });
  const file = { 'acme/f': 'one' };
  expect(await after(() => watcher.watch({ slug: 'acme', directory: 'acme', paths: new Set(['f']) }))).toContain(
    'trouble',
  );
  expect(await after(() => writeTree(root, file))).toContain('trouble');
  expect(await after(() => writeFileSync(join(root, 'acme/f'), 'two'))).toEqual(['acme f']);
  expect(await after(() => rmSync(root, { recursive: true }))).toContain('trouble');
  expect(await after(() => writeTree(root, file))).toContain('trouble');
  expect(await after(() => writeFileSync(join(root, 'acme/f'), 'two'))).toEqual(['acme f']);
});
