import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import Database from 'libsql';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { HistoryStore } from '../../src/history/history-store.js';
import { openSqliteStore } from '../../src/history/sqlite/open-sqlite-store.js';
import { temporaryDirectory } from '../agent/support/tenant-tree.js';
import { batchOf, decisionOf, statusOf, upgradeOf } from '../support/history-fixtures.js';

const CHILD = resolve(import.meta.dirname, '../support/history-child.ts');

const modeOf = (path: string): number => statSync(path).mode & 0o777;

async function open(file: string, options?: { readonly: boolean }): Promise<HistoryStore> {
  const store = await openSqliteStore(file, options);
  onTestFinished(() => store.close());
  return store;
}

function change(file: string, sql: string): void {
  const database = new Database(file);
  database.exec(sql);
  database.close();
}

/** A history with one upgrade, closed again. */
async function written(file: string): Promise<string> {
  const store = await openSqliteStore(file);
  await store.write(batchOf({ upgrades: [upgradeOf()] }));
  await store.close();
  return file;
}

test('makes the file and its directory for its owner alone, whatever the umask, and keeps what was written', async () => {
  const directory = join(temporaryDirectory(), 'state');
  const file = join(directory, 'my history?#%.db');
  const store = await openSqliteStore(file);
  await store.write(batchOf({ upgrades: [upgradeOf()] }));
  expect(modeOf(directory)).toBe(0o700);
  for (const name of readdirSync(directory)) expect(modeOf(join(directory, name)), name).toBe(0o600);
  await store.close();
  expect(await (await open(file)).upgrades({ limit: 10 })).toEqual([upgradeOf()]);
});

test('writes a batch as a whole or not at all', async () => {
  const store = await open(join(temporaryDirectory(), 'h.db'));
  const broken = { ...decisionOf(), message: undefined as unknown as string };
  await expect(store.write(batchOf({ upgrades: [upgradeOf()], decisions: [broken] }))).rejects.toMatchObject({
    code: 'HistoryUnavailable',
  });
  expect(await store.upgrades({ limit: 10 })).toEqual([]);
  await store.write(batchOf({ upgrades: [upgradeOf()], decisions: [decisionOf()] }));
  expect(await store.upgrades({ limit: 10 })).toHaveLength(1);
});

test('a value of a kind that the database does not know is refused, not a crash; a NUL does not cut a text short', async () => {
  const store = await open(join(temporaryDirectory(), 'h.db'));
  const broken = { ...decisionOf(), message: true as unknown as string };
  await expect(store.write(batchOf({ decisions: [broken] }))).rejects.toMatchObject({ code: 'HistoryUnavailable' });
  await store.write(
    batchOf({ decisions: [decisionOf({ message: 'a\0b' })], statuses: [statusOf('acme', { host: 'a\0b' })] }),
  );
  expect(await store.decisions({ limit: 1 })).toMatchObject([{ message: 'a\ufffdb' }]);
  expect(await store.statuses()).toMatchObject([{ host: 'a\0b' }]);
});

test('once closed it says so, also to a reader of the version; closing twice is nothing', async () => {
  const store = await openSqliteStore(join(temporaryDirectory(), 'h.db'));
  await store.version();
  await store.close();
  await store.close();
  await expect(store.version()).rejects.toMatchObject({ code: 'HistoryUnavailable' });
  await expect(store.upgrades({ limit: 1 })).rejects.toMatchObject({ code: 'HistoryUnavailable' });
  await expect(store.write(batchOf({}))).rejects.toMatchObject({ code: 'HistoryUnavailable' });
});

test('reads the status that an older version wrote: nobody is known as the author of what it desires', async () => {
  const file = join(temporaryDirectory(), 'h.db');
  const store = await open(file);
  await store.write(batchOf({ statuses: [statusOf('acme')] }));
  change(file, `update instance_statuses set body = json_remove(body, '$.desiredAuthor')`);
  expect(await store.statuses()).toEqual([statusOf('acme', { desiredAuthor: null })]);
});

test('makes its tables in an empty file; what a migration has begun is undone when it fails', async () => {
  const file = join(temporaryDirectory(), 'h.db');
  writeFileSync(file, '', { mode: 0o644 });
  // In the way of the last table.
  change(file, 'create table accepted_revisions (a text)');
  await expect(openSqliteStore(file)).rejects.toMatchObject({ code: 'HistoryUnavailable' });
  change(file, 'drop table accepted_revisions');
  const store = await open(file);
  await store.write(batchOf({ upgrades: [upgradeOf()] }));
  expect(await store.upgrades({ limit: 10 })).toEqual([upgradeOf()]);
  expect(modeOf(file)).toBe(0o600);
});

test('prunes more than it removes at once', async () => {
  const store = await open(join(temporaryDirectory(), 'h.db'));
  const decisions = Array.from({ length: 2500 }, () => decisionOf());
  const upgrades = Array.from({ length: 1201 }, (_, index) => upgradeOf({ id: `u${index}` }));
  await store.write(batchOf({ decisions, upgrades, statuses: [statusOf('acme')] }));
  expect(await store.prune(new Date('2026-01-01'))).toBe(2500 + 1200);
  expect(await store.upgrades({ limit: 10 })).toHaveLength(1);
});

describe('opened for reading', () => {
  test('it sees what a daemon writes, as it writes, and the version tells; it writes nothing', async () => {
    const file = join(temporaryDirectory(), 'h.db');
    const daemon = await open(file);
    const reader = await open(file, { readonly: true });
    const before = await reader.version();
    expect(await reader.upgrades({ limit: 10 })).toEqual([]);
    expect(await reader.version()).toBe(before);
    await daemon.write(batchOf({ upgrades: [upgradeOf()] }));
    expect(await reader.version()).not.toBe(before);
    expect(await reader.upgrades({ limit: 10 })).toEqual([upgradeOf()]);
    await expect(reader.write(batchOf({ upgrades: [upgradeOf({ id: 'u2' })] }))).rejects.toMatchObject({
      code: 'HistoryUnavailable',
      message: `the history in ${file} cannot be used: it is read-only`,
    });
    expect(await daemon.upgrades({ limit: 10 })).toHaveLength(1);
  });

  test('it works while another process writes, and after that was killed', async () => {
    const file = join(temporaryDirectory(), 'h.db');
    const child = spawn(process.execPath, ['--import', 'tsx', CHILD, file, 'run'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const exited = once(child, 'exit');
    const acknowledged: string[] = [];
    let reader: HistoryStore | undefined;
    for await (const id of createInterface({ input: child.stdout })) {
      acknowledged.push(id);
      if (acknowledged.length % 20 !== 0) continue;
      reader ??= await open(file, { readonly: true });
      const seen = (await reader.upgrades({ limit: 100_000 })).map((one) => one.id);
      expect(seen).toEqual(expect.arrayContaining(acknowledged));
      if (acknowledged.length >= 100) child.kill('SIGKILL');
    }
    await exited;
    expect(existsSync(`${file}-wal`)).toBe(true);
    const later = await open(file, { readonly: true });
    expect((await later.upgrades({ limit: 100_000 })).map((one) => one.id)).toEqual(
      expect.arrayContaining(acknowledged),
    );
  }, 120_000);

  test('it does not make a file that is not there', async () => {
    const directory = temporaryDirectory();
    await expect(openSqliteStore(join(directory, 'h.db'), { readonly: true })).rejects.toMatchObject({
      code: 'HistoryUnavailable',
      message: `there is no history in ${join(directory, 'h.db')}`,
      hint: "is the daemon's state elsewhere? name it with --state",
    });
    expect(readdirSync(directory)).toEqual([]);
  });

  test('it refuses a history without tables, and does not make them', async () => {
    const file = join(temporaryDirectory(), 'h.db');
    writeFileSync(file, '');
    await expect(openSqliteStore(file, { readonly: true })).rejects.toMatchObject({
      code: 'HistoryUnavailable',
      message: expect.stringContaining('empty or was written by an older'),
    });
    expect(readFileSync(file, 'utf8')).toBe('');
  });
});

describe('a file that cannot be used is named, and left as it is', () => {
  test.each([false, true])('of a newer version (readonly: %s)', async (readonly) => {
    const file = await written(join(temporaryDirectory(), 'h.db'));
    change(file, `insert into kysely_migration values ('9999-later', '2030-01-01T00:00:00.000Z')`);
    await expect(openSqliteStore(file, { readonly })).rejects.toMatchObject({
      code: 'HistoryUnavailable',
      message: 'the history was written by a newer flotilla than this one',
    });
  });

  test.each([false, true])('of something else (readonly: %s)', async (readonly) => {
    const file = join(temporaryDirectory(), 'h.db');
    const text = 's3cret notes\n'.repeat(1000);
    writeFileSync(file, text);
    await expect(openSqliteStore(file, { readonly })).rejects.toMatchObject({
      code: 'HistoryUnavailable',
      message: `the history in ${file} cannot be used: it is not a database`,
    });
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  test.each([false, true])('damaged (readonly: %s)', async (readonly) => {
    const file = await written(join(temporaryDirectory(), 'h.db'));
    truncateSync(file, 4096);
    const use = async (): Promise<unknown> => (await open(file, { readonly })).upgrades({ limit: 10 });
    await expect(use()).rejects.toMatchObject({
      code: 'HistoryUnavailable',
      message: `the history in ${file} cannot be used: its content is damaged`,
    });
  });

  test('a directory', async () => {
    const file = join(temporaryDirectory(), 'h.db');
    mkdirSync(file);
    await expect(openSqliteStore(file)).rejects.toMatchObject({
      code: 'HistoryUnavailable',
      message: `the history in ${file} cannot be used: the file cannot be opened`,
    });
  });
});
