import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { openSqliteStore } from '../../src/history/sqlite/open-sqlite-store.js';
import { historyStoreContract } from '../contract/history-store.contract.js';
import { createMemoryHistory } from '../support/memory-history.js';

const directory = mkdtempSync(join(tmpdir(), 'flotilla-history-'));
let count = 0;

afterAll(() => rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }));

historyStoreContract('SQLite', () => {
  count += 1;
  return openSqliteStore(join(directory, `${count}.db`));
});
historyStoreContract('memory', async () => createMemoryHistory());
