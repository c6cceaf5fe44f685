import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildHostConfig } from '../../src/agent/host.js';
import { writeRecord } from '../../src/agent/state/applied-record.js';
import { createLocalDriver } from '../../src/agent-client/local-driver.js';
import type { ApplyOptions, ApplyProgress, TenantDriver } from '../../src/agent-client/tenant-driver.js';
import type { Plan } from '../../src/plan/plan.js';
import { createMemoryEngine, type MemoryEngine } from '../support/memory-engine.js';
import { recordOf, snapshot, writeTree } from './support/tenant-tree.js';

const REF = { slug: 'acme', project: 'acme', directory: 'acme' };

let directory: string;
let tenant: string;
let engine: MemoryEngine;
let driver: TenantDriver;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'flotilla-down-'));
  tenant = join(directory, 'root/acme');
  mkdirSync(tenant, { recursive: true });
  engine = await createMemoryEngine(directory);
  const env = { ...process.env, DOCKER_HOST: engine.dockerHost };
  driver = createLocalDriver(buildHostConfig(join(directory, 'root'), env));
  engine.containers = ['web', 'db'].map((service) => ({ id: service, service, project: 'acme', workingDir: tenant }));
  engine.networks = [{ id: 'net', project: 'acme' }];
  writeTree(tenant, {
    '.env': 'TOKEN=t\n',
    'docker-compose.yml': 'services: {}\n',
  });
  await writeRecord(tenant, { ...recordOf(3), outcome: 'verified' });
});
afterEach(async () => {
  await driver.close();
  await engine.close();
  rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
});

function down(options: ApplyOptions = {}, over: Partial<Plan> = {}) {
  const plan = {
    ...REF,
    imageTag: 'v1',
    files: [],
    fileSet: [],
    timeouts: { pullMs: 1000, upMs: 30_000, verifyMs: 500, settleMs: 0 },
    operations: [{ kind: 'down', services: ['db', 'web'], cause: 'its manifest was removed' }],
    basis: { files: [], generation: 3 },
    ...over,
  } as unknown as Plan;
  return driver.apply({ plan, content: { files: [] }, reconcileId: 'r1' }, options);
}

const observe = async () => (await driver.observe([{ ...REF, paths: [] }]))[0];

describe('taking an instance down', () => {
  it('removes its containers and networks, and nothing else', async () => {
    engine.containers.push({ id: 'once', service: 'web', project: 'acme', workingDir: tenant, oneOff: true });
    engine.containers.push({
      id: 'other',
      service: 'web',
      project: 'other',
      workingDir: join(directory, 'root/other'),
    });
    engine.networks.push({ id: 'other-net', project: 'other' });
    const before = snapshot(tenant);
    const told: ApplyProgress[] = [];
    const result = await down({ onProgress: (progress) => told.push(progress) });
    expect(result).toMatchObject({ generation: 3, recreated: [], restarted: [] });
    expect(told.map(({ phase }) => phase)).toEqual(['lock', 'remove', 'verify', 'remove']);
    expect(engine.containers.map(({ id }) => id)).toEqual(['other']);
    expect(engine.networks.map(({ id }) => id)).toEqual(['other-net']);
    expect(engine.asked.indexOf('POST /containers/web/stop')).toBeLessThan(
      engine.asked.indexOf('DELETE /containers/web'),
    );
    expect(engine.asked.filter((what) => /volumes|images/.test(what))).toEqual([]);
    const after = snapshot(tenant);
    for (const path of ['.env', 'docker-compose.yml']) expect(after[path]).toBe(before[path]);
    expect(await observe()).toMatchObject({ applied: { outcome: 'committed', generation: 3 }, lastFailure: null });
  });

  it('changes nothing when it is down already', async () => {
    await down();
    engine.asked = [];
    await down();
    expect(engine.asked).toEqual([]);
    expect(await observe()).toMatchObject({ applied: { outcome: 'committed', generation: 3 } });
  });

  it('goes on after an end in the middle', async () => {
    engine.stuck.add('db');
    await expect(down()).rejects.toMatchObject({ code: 'VerifyFailed' });
    engine.stuck.clear();
    await down();
    expect([engine.containers, engine.networks]).toEqual([[], []]);
    expect(await observe()).toMatchObject({ lastFailure: null });
  });

  it('fails where a container is left, and names its service', async () => {
    engine.stuck.add('db');
    await expect(down()).rejects.toMatchObject({
      code: 'VerifyFailed',
      phase: 'verify',
      message: 'acme: containers are left after their removal: db',
    });
    expect(engine.networks).toHaveLength(1);
    expect(await observe()).toMatchObject({ lastFailure: { code: 'VerifyFailed', phase: 'verify' } });
  });

  it('waits for containers that are being removed', async () => {
    engine.stuck.add('db');
    let looks = 0;
    engine.onRequest = (what) => {
      if (what === 'GET /containers/json') looks += 1;
      if (looks === 3) engine.containers = [];
    };
    await down();
    expect(engine.networks).toEqual([]);
  });

  it('leaves the same project alone where it runs from another directory, with its networks', async () => {
    engine.containers.push({ id: 'else', service: 'web', project: 'acme', workingDir: join(directory, 'elsewhere') });
    await down();
    expect(engine.containers.map(({ id }) => id)).toEqual(['else']);
    expect(engine.networks).toHaveLength(1);
  });

  it('leaves a network that others are connected to, and says so', async () => {
    engine.networks = [
      { id: 'shared', project: 'acme', inUse: true },
      { id: 'own', project: 'acme' },
    ];
    const told: ApplyProgress[] = [];
    await down({ onProgress: (progress) => told.push(progress) });
    expect(engine.networks.map(({ id }) => id)).toEqual(['shared']);
    expect(told).toContainEqual({
      phase: 'remove',
      message: 'network shared-name stays: others are connected to it',
    });
  });

  it('finds containers that were brought up through the real path of a linked directory', async () => {
    const real = join(directory, 'root/real');
    renameSync(tenant, real);
    symlinkSync('real', tenant);
    engine.containers = [{ id: 'web', service: 'web', project: 'acme', workingDir: real }];
    await down();
    expect(engine.containers).toEqual([]);
  });
});

describe('an instance is not taken down', () => {
  const untouched = async () => {
    expect([engine.containers.length, engine.networks.length, engine.asked]).toEqual([2, 1, []]);
    expect(await observe()).toMatchObject({ applied: { outcome: 'verified' }, lastFailure: null });
  };

  it('by a plan that was made before something else was applied', async () => {
    await expect(down({}, { basis: { files: [], generation: 2 } })).rejects.toMatchObject({ code: 'PlanStale' });
    await untouched();
  });

  it.each([
    ['signal', 'Cancelled'],
    ['supersede', 'Superseded'],
  ])('once it is not wanted any more, by %s', async (name, code) => {
    await expect(down({ [name]: AbortSignal.abort() })).rejects.toMatchObject({ code });
    await untouched();
  });

  it('by a plan that does something else, too', async () => {
    const operations = [
      { kind: 'down', services: [], cause: 'x' },
      { kind: 'record', cause: 'x' },
    ] as unknown as Plan['operations'];
    await expect(down({}, { operations })).rejects.toMatchObject({ code: 'PlanInvalid' });
    expect(engine.asked).toEqual([]);
  });
});

it('takes down what has no record, without making one', async () => {
  rmSync(join(tenant, '.flotilla/applied.json'));
  const result = await down({}, { basis: { files: [], generation: 0 } });
  expect(result.generation).toBe(0);
  expect(engine.containers).toEqual([]);
  expect(await observe()).toMatchObject({ applied: null });
});
