import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { acquireLock, readLockHolder, readLockHolders } from '../../src/agent/lock/lock.js';
import { temporaryDirectory, writeTree } from './support/tenant-tree.js';

const OWNER = { command: 'flotilla reconcile' };

test('excludes others until it is released, and says who holds it', async () => {
  const tenant = temporaryDirectory();
  const lock = await acquireLock(tenant, OWNER);
  expect(statSync(join(tenant, '.flotilla')).mode & 0o777).toBe(0o700);
  expect(statSync(join(tenant, '.flotilla/lock')).mode & 0o777).toBe(0o600);
  const holder = readLockHolder(tenant);
  expect(holder).toEqual({
    pid: process.pid,
    command: 'flotilla reconcile',
    since: expect.stringMatching(/^\d{4}-.*Z$/),
  });
  await expect(acquireLock(tenant, { command: 'flotilla rollback' })).rejects.toMatchObject({
    code: 'Locked',
    message: `the instance in ${tenant} is locked by flotilla reconcile (pid ${process.pid}, since ${holder?.since})`,
  });
  await lock.release();
  await lock.release();
  expect(readLockHolder(tenant)).toBeNull();
  expect(readFileSync(join(tenant, '.flotilla/lock'), 'utf8')).toBe('');
  await (await acquireLock(tenant, OWNER)).release();
});

test('many at once: exactly one gets it', async () => {
  const tenant = temporaryDirectory();
  const results = await Promise.allSettled(Array.from({ length: 12 }, () => acquireLock(tenant, OWNER)));
  const locks = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  expect(locks).toHaveLength(1);
  await locks[0]?.release();
});

test('looking does not take it, nor make anything', async () => {
  const tenant = temporaryDirectory();
  expect(readLockHolder(tenant)).toBeNull();
  expect(existsSync(join(tenant, '.flotilla'))).toBe(false);
  expect(readLockHolder(join(tenant, 'gone'))).toBeNull();
});

test("an operator's own script under flock(1) holds it, by the name of the script and without its arguments", async () => {
  const tenant = temporaryDirectory();
  writeTree(tenant, { '.flotilla/lock': '', 'upgrade.sh': { content: '#!/bin/sh\nread line\n', mode: 0o755 } });
  const script = start('flock', ['.flotilla/lock', './upgrade.sh', '--token=s3cret'], { cwd: tenant });
  await until(() => readLockHolder(tenant)?.command === 'upgrade.sh');
  expect(readLockHolder(tenant)).toEqual({ pid: expect.any(Number), command: 'upgrade.sh', since: '' });
  await expect(acquireLock(tenant, OWNER)).rejects.toMatchObject({
    code: 'Locked',
    message: expect.stringMatching(/locked by upgrade\.sh \(pid \d+\)$/),
  });
  script.stdin?.end('\n');
  await until(() => readLockHolder(tenant) === null);
});

test('the note of a holder that was killed does not speak for the next one', async () => {
  const tenant = temporaryDirectory();
  writeTree(tenant, {
    '.flotilla/lock': `${JSON.stringify({ pid: 2 ** 22 + 1, command: 'flotilla reconcile', since: '2024-01-01T00:00:00.000Z' })}\n`,
  });
  expect(readLockHolder(tenant)).toBeNull();
  const script = start('flock', ['.flotilla/lock', 'cat'], { cwd: tenant });
  await until(() => readLockHolder(tenant)?.command === 'cat');
  script.stdin?.end();
  await until(() => readLockHolder(tenant) === null);
});

test('after kill -9 it stays held for as long as a child that inherited it lives', async () => {
  const tenant = temporaryDirectory();
  const module = join(import.meta.dirname, '../../src/agent/lock/lock.ts');
  const code = `
    import { spawn } from 'node:child_process';
    const { acquireLock } = await import(${JSON.stringify(module)});
    const lock = await acquireLock(${JSON.stringify(tenant)}, { command: 'flotilla agent' });
    const child = spawn('sleep', ['600'], { stdio: ['ignore', 'ignore', 'ignore', lock.fd], detached: true });
    console.log(child.pid);
    setInterval(() => {}, 1000);`;
  const agent = start(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code]);
  const childPid = Number(await firstLine(agent));
  onTestFinished(() => killQuietly(childPid));
  expect(readLockHolder(tenant)).toMatchObject({ pid: agent.pid, command: 'flotilla agent' });
  agent.kill('SIGKILL');
  await new Promise((resolve) => agent.once('exit', resolve));
  expect(readLockHolder(tenant)).toMatchObject({ pid: childPid, command: 'sleep', since: expect.stringMatching(/Z$/) });
  await expect(acquireLock(tenant, OWNER)).rejects.toMatchObject({ code: 'Locked' });
  process.kill(childPid, 'SIGKILL');
  await until(() => readLockHolder(tenant) === null);
  await (await acquireLock(tenant, OWNER)).release();
}, 20_000);

test('children that are not handed the descriptor do not hold it', async () => {
  const tenant = temporaryDirectory();
  const lock = await acquireLock(tenant, OWNER);
  const child = start('sleep', ['600']);
  await lock.release();
  expect(readLockHolder(tenant)).toBeNull();
  child.kill('SIGKILL');
});

test('asks for many instances at once, in their order', async () => {
  const root = temporaryDirectory();
  const tenants = ['a', 'b', 'c'].map((name) => join(root, name));
  for (const tenant of tenants) mkdirSync(tenant);
  const locks = [
    await acquireLock(tenants[0] as string, OWNER),
    await acquireLock(tenants[2] as string, { command: 'flotilla rollback' }),
  ];
  expect(
    readLockHolders([...tenants, join(root, 'gone')].map((tenantDir) => ({ tenantDir }))).map(
      (holder) => holder?.command ?? null,
    ),
  ).toEqual(['flotilla reconcile', null, 'flotilla rollback', null]);
  for (const lock of locks) await lock.release();
});

test('a lock on a directory that was removed meanwhile counts for nothing', async () => {
  const tenant = temporaryDirectory();
  const old = await acquireLock(tenant, OWNER);
  rmSync(join(tenant, '.flotilla'), { recursive: true });
  const lock = await acquireLock(tenant, { command: 'second' });
  expect(readLockHolder(tenant)?.command).toBe('second');
  await old.release();
  expect(readLockHolder(tenant)?.command).toBe('second');
  await lock.release();
});

test('refuses a state directory that is something else', async () => {
  const tenant = temporaryDirectory();
  writeFileSync(join(tenant, '.flotilla'), '');
  await expect(acquireLock(tenant, OWNER)).rejects.toMatchObject({ code: 'PathEscapes' });
});

function start(program: string, args: string[], options: { cwd?: string } = {}): ChildProcess {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], ...options });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => child.stdout?.once('data', (data: Buffer) => resolve(data.toString())));
}

async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 8000;
  while (!condition()) {
    if (Date.now() > end) throw new Error('it did not become true');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
