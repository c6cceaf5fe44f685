import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { watchDirectories } from '../../src/source/watch-directories.js';
import { eventually } from './eventually.js';

/** As chokidar tells that the kernel refuses. */
vi.mock('chokidar', () => ({
  watch() {
    const watcher = Object.assign(new EventEmitter(), { close: async () => undefined });
    const refused = Object.assign(new Error('no space left for watches'), { code: 'ENOSPC' });
    process.nextTick(() => watcher.emit('error', refused));
    return watcher;
  },
}));

it('says every so often that it is worth looking when the kernel allows no more watches', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'flotilla-limit-'));
  const ending = new AbortController();
  let told = 0;
  await watchDirectories([directory], { onSave: () => told++, signal: ending.signal });
  writeFileSync(join(directory, 'a.yaml'), '');
  await eventually(() => told > 0, 'it is told');
  ending.abort();
  rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  expect(told).toBe(1);
});
