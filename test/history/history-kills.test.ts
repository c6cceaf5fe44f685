import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { openSqliteStore } from '../../src/history/sqlite/open-sqlite-store.js';
import { createRandom } from '../support/random.js';

const CHILD = resolve(import.meta.dirname, '../support/history-child.ts');
const KILLS = 12;

test('after kill -9 at any moment, all that was acknowledged is there, and the history opens', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'flotilla-history-kills-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }));
  const file = join(directory, 'history.db');
  const random = createRandom(20250301);
  const acknowledged: string[] = [];
  for (let run = 0; run < KILLS; run += 1) {
    // One in four is killed while it opens the file, perhaps before there is one.
    const wanted = run % 4 === 0 ? 0 : random.whole(1, 60);
    acknowledged.push(...(await writeAndKill(file, `run${run}`, wanted, random.whole(0, wanted === 0 ? 600 : 15))));
    const missing = await missingIn(file, acknowledged);
    expect(missing, `run ${run}`).toEqual([]);
  }
  expect(acknowledged.length).toBeGreaterThan(KILLS / 2);
}, 300_000);

/** Kills it so long after it has acknowledged so many; gives all that it did. */
async function writeAndKill(file: string, run: string, wanted: number, lateMs: number): Promise<string[]> {
  const child = spawn(process.execPath, ['--import', 'tsx', CHILD, file, run], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ids: string[] = [];
  const kill = (): void => void setTimeout(() => child.kill('SIGKILL'), lateMs);
  if (wanted === 0) kill();
  for await (const line of createInterface({ input: child.stdout })) {
    ids.push(line);
    if (ids.length === wanted) kill();
  }
  return ids;
}

async function missingIn(file: string, ids: readonly string[]): Promise<string[]> {
  const store = await openSqliteStore(file);
  try {
    const known = new Set((await store.upgrades({ limit: 1_000_000 })).map(({ id }) => id));
    const said = new Set((await store.decisions({ limit: 1_000_000 })).map(({ message }) => message));
    return ids.filter((id) => !known.has(id) || !said.has(id));
  } finally {
    await store.close();
  }
}
