import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkMount } from '../../src/agent/check/check-mount.js';
import { buildHostConfig } from '../../src/agent/host.js';

const ID = '3f'.repeat(32);
const MOUNTINFO = `812 800 254:1 /var/lib/docker/containers/${ID}/hostname /etc/hostname rw,relatime - ext4 /dev/vda rw\n`;
const ROOT = '/srv/tenants';

let bin: string;
beforeAll(() => {
  bin = mkdtempSync(join(tmpdir(), 'flotilla-check-mount-'));
});
afterAll(() => rmSync(bin, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }));

/** What is found where the engine says that the container has these mounts: source by destination. */
function check(mounts: Record<string, string> | null, mountinfo = MOUNTINFO) {
  const list = Object.entries(mounts ?? {}).map(([Destination, Source]) => ({ Type: 'bind', Source, Destination }));
  const answer = mounts === null ? 'exit 1' : `[ "$6" = ${ID} ] && echo '${JSON.stringify(list)}'`;
  writeFileSync(join(bin, 'docker'), `#!/bin/sh\n${answer}\n`);
  chmodSync(join(bin, 'docker'), 0o755);
  return checkMount(buildHostConfig(ROOT, { PATH: bin }), mountinfo);
}

it('finds a root at the same path inside and outside in order, by its own mount or one above', async () => {
  const found = {
    level: 'ok',
    check: 'root',
    message: `${ROOT} has the same path inside and outside of this container`,
  };
  expect(await check({ [ROOT]: ROOT })).toEqual(found);
  expect(await check({ '/srv': '/srv', '/etc/flotilla/pki': '/root/pki' })).toEqual(found);
});

it.each([
  [{ [ROOT]: '/data/tenants' }, `${ROOT} is /data/tenants outside of this container, where the engine looks for files`],
  [{ '/srv': '/data' }, `${ROOT} is /data/tenants outside of this container, where the engine looks for files`],
  [{ '/srv/tenants-2': '/srv/tenants-2' }, `${ROOT} is in this container only: no tenant of the host is in it`],
])('refuses a root that is elsewhere outside: %j', async (mounts, message) => {
  const hint = `mount it at the same path inside as outside: -v ${ROOT}:${ROOT}`;
  expect(await check(mounts)).toEqual({ level: 'fail', check: 'root', message, hint });
});

it('says nothing where there is no container, or none of this engine', async () => {
  expect(await check({}, '812 800 254:1 /etc/hostname /etc/hostname rw - ext4 /dev/vda rw\n')).toBeNull();
  expect(await check(null)).toBeNull();
});
