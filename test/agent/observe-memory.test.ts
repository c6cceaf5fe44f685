import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { EngineContainer } from '../../src/agent/engine/engine-containers.js';
import { createFileHasher } from '../../src/agent/files/file-hash.js';
import { acquireLock } from '../../src/agent/lock/lock.js';
import { createObservationMemory } from '../../src/agent/observation-memory.js';
import { observeTenants } from '../../src/agent/observe-tenants.js';
import { type AppliedRecord, writeRecord } from '../../src/agent/state/applied-record.js';
import type { TenantHost } from '../../src/agent/tenant-host.js';

const REQUEST = { slug: 'acme', project: 'acme', directory: 'acme', paths: ['app.conf', 'nginx/nginx.conf'] };
const LATER = 10_000;

let root: string;
let tenant: string;
let containers: EngineContainer[];
let host: TenantHost;

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'flotilla-memory-'));
  tenant = join(root, 'acme');
  mkdirSync(join(tenant, 'nginx'), { recursive: true });
  writeFileSync(join(tenant, 'app.conf'), 'one\n');
  writeFileSync(join(tenant, 'nginx/nginx.conf'), 'two\n');
  await writeRecord(tenant, RECORD);
  containers = [CONTAINER(tenant)];
  host = {
    config: { root },
    engine: { listProjectContainers: async () => containers },
    hasher: createFileHasher(),
    // As if everything here had been written long ago.
    memory: createObservationMemory(() => Date.now() + LATER),
  } as unknown as TenantHost;
});
afterEach(() => rmSync(root, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }));

const look = async () => (await observeTenants(host, [REQUEST], { containers: true }))[0]!;
const hashes = async () =>
  (await look()).files.map(({ sha256, mode }) => `${sha256?.slice(0, 6)} ${mode?.toString(8)}`);

it('gives the same object while nothing changes', async () => {
  const first = await look();
  expect(await look()).toBe(first);
});

it('does not keep what was changed just now', async () => {
  host = { ...host, memory: createObservationMemory() };
  const first = await look();
  expect(await look()).not.toBe(first);
  expect(await look()).toEqual(first);
});

const CHANGES: Record<string, () => void | Promise<void>> = {
  'an edit in place': () => writeFileSync(join(tenant, 'app.conf'), 'ONE\n'),
  'an edit of the same size whose time was set back': () => {
    writeFileSync(join(tenant, 'app.conf'), 'ONE\n');
    utimesSync(join(tenant, 'app.conf'), 0, 0);
  },
  'a replacement': () => {
    writeFileSync(join(tenant, 'new'), 'one\n');
    renameSync(join(tenant, 'new'), join(tenant, 'app.conf'));
  },
  'another mode': () => chmodSync(join(tenant, 'app.conf'), 0o600),
  'a removal': () => rmSync(join(tenant, 'nginx/nginx.conf')),
  'the removal of a directory': () => rmSync(join(tenant, 'nginx'), { recursive: true }),
  'another record': () => writeRecord(tenant, { ...RECORD, imageTag: 'v2' }),
  'the removal of everything': () => rmSync(tenant, { recursive: true }),
  'an interrupted commit': () => writeFileSync(join(tenant, '.flotilla/journal.json'), '{}'),
  'another state of a container': () => {
    containers = [{ ...CONTAINER(tenant), state: 'exited', exitCode: 1 }];
  },
  'a container that is gone': () => {
    containers = [];
  },
  'another stack in the directory': () => {
    containers = [...containers, { ...CONTAINER(tenant), project: 'other' }];
  },
  'our project brought up elsewhere': () => {
    containers = [CONTAINER('/elsewhere')];
  },
};

for (const [name, change] of Object.entries(CHANGES)) {
  it(`sees ${name}`, async () => {
    const first = await look();
    await change();
    const second = await look();
    expect(second).not.toBe(first);
    // What another process sees, which remembers nothing.
    const fresh = { ...host, memory: createObservationMemory(), hasher: createFileHasher() };
    expect(second).toEqual((await observeTenants(fresh, [REQUEST], { containers: true }))[0]);
  });
}

it('sees a lock that is taken and given back, though no file is changed by it', async () => {
  await (await acquireLock(tenant, { command: 'first' })).release();
  const first = await look();
  expect(await look()).toBe(first);
  const lock = await acquireLock(tenant, { command: 'upgrade.sh' });
  try {
    expect((await look()).lockedBy).toMatchObject({ command: 'upgrade.sh' });
  } finally {
    await lock.release();
  }
  expect((await look()).lockedBy).toBeNull();
});

it('refuses a directory that was swapped for a link that leads out', async () => {
  const outside = mkdtempSync(join(tmpdir(), 'flotilla-outside-'));
  await look();
  mkdirSync(join(outside, 'nginx'));
  writeFileSync(join(outside, 'nginx/nginx.conf'), 'two\n');
  rmSync(join(tenant, 'nginx'), { recursive: true });
  symlinkSync(join(outside, 'nginx'), join(tenant, 'nginx'));
  expect((await look()).error?.code).toBe('PathEscapes');
  rmSync(outside, { recursive: true });
});

it('tells instances, projects and lists of paths apart', async () => {
  await look();
  const [fewer, other] = await observeTenants(
    host,
    [
      { ...REQUEST, paths: ['app.conf'] },
      { ...REQUEST, project: 'other' },
    ],
    { containers: true },
  );
  expect(fewer?.files.map(({ path }) => path)).toEqual(['app.conf']);
  expect(other?.services).toEqual([]);
  expect(await hashes()).toHaveLength(2);
});

const RECORD: AppliedRecord = {
  generation: 1,
  project: 'acme',
  revision: 'r',
  imageTag: 'v1',
  digest: 'd',
  template: 'app',
  files: [],
  outcome: 'verified',
  unfinished: null,
  appliedAt: '2026-01-01T00:00:00.000Z',
  lastFailure: null,
  hold: null,
  compose: [],
  tenantCompose: [],
  services: [],
  composeVersion: '',
};

const CONTAINER = (workingDir: string): EngineContainer => ({
  id: 'c1',
  project: 'acme',
  service: 'web',
  workingDir,
  number: 1,
  configHash: 'h',
  imageId: 'sha256:i',
  image: 'app:v1',
  state: 'running',
  health: null,
  exitCode: null,
});
