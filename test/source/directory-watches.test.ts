import { expect, it } from 'vitest';
import { createDirectoryWatches } from '../../src/source/directory-watches.js';
import { watchDirectories } from '../../src/source/watch-directories.js';
import { temporaryDirectory } from '../agent/support/tenant-tree.js';

const found = (path: string) => new Map([[path, { identity: 'one', names: null }]]);

it('that are closed before they are set up keep nobody waiting', async () => {
  const watches = createDirectoryWatches({ onChange: () => undefined });
  const arming = watches.arm(found(temporaryDirectory()));
  watches.close();
  expect(await arming).toBe(false);
});

it('that are ended at any moment while they are set up keep nobody waiting', async () => {
  const directory = temporaryDirectory();
  let ended = 0;
  for (let turns = 0; turns < 20; turns += 1) {
    const ending = new AbortController();
    const watching = watchDirectories([directory], { onSave: () => undefined, signal: ending.signal });
    for (let turn = 0; turn < turns; turn += 1) await new Promise((done) => setImmediate(done));
    ending.abort();
    await watching;
    ended += 1;
  }
  expect(ended).toBe(20);
});
