import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { checkFileSystem, checkRoot } from '../../src/agent/check/check-root.js';
import { FlotillaError } from '../../src/errors.js';

vi.mock('../../src/agent/lock/lock.js', () => ({
  acquireLock: () =>
    Promise.reject(new FlotillaError('Internal', 'cannot run the flock command', { hint: 'install util-linux' })),
}));

it('says that there is no flock, beside a root that is in order, and beside one that is not', async () => {
  const root = mkdtempSync(join(tmpdir(), 'flotilla-check-root-'));
  const flock = {
    level: 'fail',
    check: 'flock',
    message: 'cannot run the flock command',
    hint: 'install util-linux',
  };
  expect(await checkRoot(root)).toEqual([{ level: 'ok', check: 'root', message: `${root} is writable` }, flock]);
  expect(readdirSync(root)).toEqual([]);
  rmSync(root, { recursive: true, maxRetries: 10, retryDelay: 50 });
  expect(await checkRoot(root)).toMatchObject([{ level: 'fail', check: 'root' }, flock]);
});

it.each([
  [0x6969, 'NFS'],
  [0xff534d42, 'CIFS'],
  [0x65735546, 'FUSE'],
])('warns of the file system of another machine: %i is %s', (type, name) => {
  expect(checkFileSystem('/srv/tenants', type)).toEqual({
    level: 'warn',
    check: 'root',
    message: `/srv/tenants is on ${name}: a lock or a write may not hold there what it holds on a local file system`,
    hint: 'keep the instances on a file system of this machine',
  });
});
