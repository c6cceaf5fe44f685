import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
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
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createFileHasher, hashPath } from '../../src/agent/files/file-hash.js';
import { sha256, temporaryDirectory, writeTree } from './support/tenant-tree.js';

test('gives hash and mode of each path in order, null for those that are absent', async () => {
  const tenant = temporaryDirectory();
  writeTree(tenant, {
    'docker-compose.yml': 'services: {}',
    '.env': { content: 'A=1', mode: 0o600 },
    'nginx/x.conf': '',
  });
  const observed = await createFileHasher().observeFiles(tenant, [
    'docker-compose.yml',
    'gone',
    '.env',
    'no/where',
    'nginx/x.conf',
  ]);
  expect(observed).toEqual([
    { path: 'docker-compose.yml', sha256: sha256('services: {}'), mode: 0o644 },
    { path: 'gone', sha256: null, mode: null },
    { path: '.env', sha256: sha256('A=1'), mode: 0o600 },
    { path: 'no/where', sha256: null, mode: null },
    { path: 'nginx/x.conf', sha256: sha256(''), mode: 0o644 },
  ]);
});

test('sees every way a file changes, with the same hasher', async () => {
  const tenant = temporaryDirectory();
  const file = join(tenant, 'f');
  const hasher = createFileHasher();
  const look = async () => (await hasher.observeFiles(tenant, ['f']))[0]?.sha256;
  writeFileSync(file, 'one');
  const { atime, mtime } = statSync(file);
  expect(await look()).toBe(sha256('one'));
  // Same size, within the same tick of the clock.
  writeFileSync(file, 'two');
  expect(await look()).toBe(sha256('two'));
  // Same size, and the old modification time put back.
  writeFileSync(file, 'six');
  utimesSync(file, atime, mtime);
  expect(await look()).toBe(sha256('six'));
  writeFileSync(join(tenant, 'g'), 'ten');
  renameSync(join(tenant, 'g'), file);
  expect(await look()).toBe(sha256('ten'));
  rmSync(file);
  expect(await look()).toBeNull();
});

test('a settled file is remembered, and a change after that is seen', async () => {
  const tenant = temporaryDirectory();
  writeTree(tenant, { f: 'one', g: 'other' });
  const hasher = createFileHasher({ maxEntries: 1 });
  await new Promise((resolve) => setTimeout(resolve, 2100));
  for (let i = 0; i < 3; i += 1) {
    expect((await hasher.observeFiles(tenant, ['f', 'g', 'f'])).map((file) => file.sha256)).toEqual([
      sha256('one'),
      sha256('other'),
      sha256('one'),
    ]);
  }
  writeFileSync(join(tenant, 'f'), 'two');
  expect((await hasher.observeFiles(tenant, ['f']))[0]?.sha256).toBe(sha256('two'));
});

test('an in-place edit of a settled file is never missed, however fast it comes', async () => {
  const tenant = temporaryDirectory();
  const hasher = createFileHasher();
  const fd = openSync(join(tenant, 'f'), 'w+');
  for (let i = 0; i < 300; i += 1) {
    const text = String(i).padStart(4, '0');
    writeSync(fd, text, 0);
    expect((await hasher.observeFiles(tenant, ['f']))[0]?.sha256).toBe(sha256(text));
  }
  closeSync(fd);
});

test('streams a file of 50 MiB in little memory', async () => {
  const tenant = temporaryDirectory();
  const part = Buffer.alloc(1 << 20, 'flotilla');
  const digest = createHash('sha256');
  for (let i = 0; i < 50; i += 1) {
    appendFileSync(join(tenant, 'big'), part);
    digest.update(part);
  }
  const before = process.memoryUsage().arrayBuffers;
  let peak = 0;
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().arrayBuffers - before);
  }, 1);
  const [file] = await createFileHasher().observeFiles(tenant, ['big']);
  clearInterval(timer);
  expect(file?.sha256).toBe(digest.digest('hex'));
  expect(peak).toBeLessThan(40 << 20);
});

test('refuses what is not a regular file, without waiting on it', async () => {
  const tenant = temporaryDirectory();
  mkdirSync(join(tenant, 'directory'));
  spawnSync('mkfifo', [join(tenant, 'fifo')]);
  const server = createServer().listen(join(tenant, 'socket'));
  await new Promise((resolve) => server.once('listening', resolve));
  for (const path of ['directory', 'fifo', 'socket']) {
    const error = { code: 'NotWritable', message: expect.stringContaining(`${path} in ${tenant} is`) };
    await expect(createFileHasher().observeFiles(tenant, [path])).rejects.toMatchObject(error);
    await expect(hashPath(tenant, path)).rejects.toMatchObject(error);
  }
  server.close();
});

test('refuses links at the end and on the way out, and plain escapes', async () => {
  const tenant = temporaryDirectory();
  symlinkSync('/etc/passwd', join(tenant, 'passwd'));
  symlinkSync('/etc', join(tenant, 'etc'));
  symlinkSync('/nowhere', join(tenant, 'dangling'));
  for (const path of ['passwd', 'etc/passwd', 'dangling', '../x', '/etc/passwd', '.flotilla/applied.json']) {
    await expect(createFileHasher().observeFiles(tenant, [path])).rejects.toMatchObject({ code: 'PathEscapes' });
  }
});
