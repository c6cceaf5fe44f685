import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildHostConfig } from '../../src/agent/host.js';
import { createLocalDriver } from '../../src/agent-client/local-driver.js';
import type { ApplyRequest, TenantDriver } from '../../src/agent-client/tenant-driver.js';
import type { Plan } from '../../src/plan/plan.js';
import { makePki } from '../support/pki.js';
import { entry } from '../support/plan-fixtures.js';
import { startAgent } from '../support/remote.js';
import { createStubDocker, type StubDocker } from '../support/stub-docker.js';
import { sha256 } from './server/bodies.js';

const REF = { slug: 'acme', project: 'acme', directory: 'acme' };
const SETTLES_NEVER_MS = 3_600_000;

let directory: string;
let root: string;
let stub: StubDocker;
let close: () => Promise<void>;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'flotilla-supersede-'));
  root = join(directory, 'root');
  mkdirSync(join(root, 'acme'), { recursive: true });
  stub = await createStubDocker(join(directory, 'docker'), join(root, 'acme'));
});
afterEach(async () => {
  await close();
  await stub.close();
  rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
});

const DRIVERS: Record<string, () => Promise<TenantDriver>> = {
  async LocalDriver() {
    const driver = createLocalDriver(buildHostConfig(root, { ...process.env, ...stub.env }));
    close = () => driver.close();
    return driver;
  },
  async RemoteDriver() {
    const pki = await makePki(join(directory, 'pki'), { agents: [{ name: 'one' }] });
    const agent = await startAgent(root, { pki, env: stub.env });
    const driver = agent.connect();
    close = async () => {
      await driver.close();
      await agent.close();
    };
    return driver;
  },
};

function pullForEver(): void {
  const client = join(directory, 'docker/docker');
  const lines = readFileSync(client, 'utf8').split('\n');
  lines.splice(1, 0, 'case " $* " in *" pull "*) exec sleep 3600 ;; esac');
  writeFileSync(client, lines.join('\n'));
}

function request(tag: string, { settleMs, generation }: { settleMs: number; generation: number }): ApplyRequest {
  const text = `services:\n  web:\n    image: registry.example.org/flotilla-test/app:${tag}\n`;
  const file = entry('docker-compose.yml', text);
  const before = generation === 0 ? null : readFileSync(join(root, 'acme/docker-compose.yml'), 'utf8');
  const plan = {
    ...REF,
    host: 'one',
    template: 'app',
    revision: tag,
    imageTag: tag,
    fromImageTag: null,
    digest: `sha256:${sha256(tag)}`,
    fileSet: [file],
    compose: [file.path],
    tenantCompose: [],
    onChange: [],
    released: [],
    timeouts: { pullMs: 3_600_000, upMs: 60_000, verifyMs: 60_000, settleMs },
    files: [{ path: file.path, status: 'created', cause: 'new', reason: 'new', sensitive: false }],
    containers: [],
    operations: [
      { kind: 'pull', cause: 'new' },
      {
        kind: 'write',
        path: file.path,
        sha256: file.sha256,
        mode: 0o644,
        inPlace: false,
        createOnly: false,
        cause: 'new',
      },
      { kind: 'up', services: ['web'], recreate: [], cause: 'new' },
      { kind: 'verify', cause: 'new' },
      { kind: 'record', cause: 'new' },
    ],
    envCoverage: null,
    warnings: [],
    gate: null,
    basis: {
      files: [{ path: file.path, sha256: before && sha256(before), mode: before && 0o644 }],
      generation,
    },
  } as Plan;
  return { plan, content: { files: [{ ...file, content: Buffer.from(text) }] }, reconcileId: 'r1' };
}

describe.each(Object.keys(DRIVERS))('newer desired state, at %s', (name) => {
  it('ends the wait for health: the new files stay, are not verified, and nothing has failed', async () => {
    const driver = await (DRIVERS[name] as () => Promise<TenantDriver>)();
    const supersede = new AbortController();
    const applied = driver.apply(request('v1', { settleMs: SETTLES_NEVER_MS, generation: 0 }), {
      supersede: supersede.signal,
      onProgress: ({ phase }) => phase === 'settle' && supersede.abort(),
    });
    await expect(applied).rejects.toMatchObject({ code: 'Superseded', phase: 'verify' });
    const [observed] = await driver.observe([{ ...REF, paths: [] }]);
    expect(observed).toMatchObject({
      applied: { generation: 1, imageTag: 'v1', outcome: 'committed', lastFailure: null },
      lastFailure: null,
      lockedBy: null,
    });
    expect(await driver.generations(REF)).toMatchObject([{ number: 1, outcome: 'committed' }]);
    expect(stub.tag()).toBe('v1');

    await driver.apply(request('v2', { settleMs: 0, generation: 1 }));
    const [after] = await driver.observe([{ ...REF, paths: [] }]);
    expect(after).toMatchObject({ applied: { generation: 2, imageTag: 'v2', outcome: 'verified' } });
  });

  it('that came before the commit leaves the tenant as it was', async () => {
    const driver = await (DRIVERS[name] as () => Promise<TenantDriver>)();
    const supersede = new AbortController();
    pullForEver();
    const applied = driver.apply(request('v1', { settleMs: 0, generation: 0 }), {
      supersede: supersede.signal,
      onProgress: ({ phase }) => phase === 'pull' && supersede.abort(),
    });
    await expect(applied).rejects.toMatchObject({ code: 'Superseded', phase: 'pull' });
    const [observed] = await driver.observe([{ ...REF, paths: [] }]);
    expect(observed).toMatchObject({ applied: null, lastFailure: null });
    expect(existsSync(join(root, 'acme/docker-compose.yml'))).toBe(false);
    expect(stub.tag()).toBe('');
  });
});
