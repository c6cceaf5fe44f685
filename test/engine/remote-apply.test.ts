import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RemotePatience } from '../../src/agent-client/remote-driver.js';
import type { ApplyRequest, TenantDriver } from '../../src/agent-client/tenant-driver.js';
import { loadIdentity } from '../../src/pki/identity.js';
import { encodeApply } from '../../src/wire/codec.js';
import { type CutKind, type CutProxy, createCutProxy } from '../support/cut-proxy.js';
import { APP_COMPOSE, createFleet, type TestFleet } from '../support/fleet.js';
import { createGatedDocker, type GatedDocker } from '../support/gated-docker.js';
import { createAsker } from '../support/raw-http.js';
import { startAgent, type TestAgent } from '../support/remote.js';

/** Upgrades over a network that breaks: a real engine, an agent, and a proxy between the controller and it. */
const QUICK = { timeouts: { pull: '1m', up: '1m', verify: '30s', settle: '200ms' } };
const PATIENCE: RemotePatience = {
  connectMs: 5_000,
  observeMs: 4_000,
  inspectMs: 60_000,
  silenceMs: 6_000,
  apply: { answerMs: 10_000, silenceMs: 1_000, contactMs: 30_000, pausesMs: [50, 100] },
};
const PHASES = ['lock', 'stage', 'validate', 'pull', 'commit', 'up', 'settle', 'verify', 'record'];

let fleet: TestFleet;
let docker: GatedDocker;
let agent: TestAgent;
let proxy: CutProxy;
let slug: string;
let lastApply: ApplyRequest | undefined;
/** Replaces what carries a plan to the agent. */
let applyInstead: TenantDriver['apply'] | undefined;
let patience = PATIENCE;
const opened: { close(): Promise<void> }[] = [];

beforeEach(async () => {
  applyInstead = undefined;
  patience = PATIENCE;
  fleet = createFleet(() => {
    const driver = agent.connect({ url: proxy.url, patience });
    const apply: TenantDriver['apply'] = (request, options) => {
      lastApply = request;
      return (applyInstead ?? driver.apply)(request, options);
    };
    return { ...driver, apply };
  });
  fleet.writeTemplate({
    'docker-compose.yml.mustache': APP_COMPOSE.slice(0, APP_COMPOSE.indexOf('  job:')),
    'web.conf.mustache': 'tag {{imageTag}}\n',
  });
  docker = createGatedDocker(join(fleet.dir, 'bin'));
  agent = await startAgent(fleet.root, { env: docker.env });
  proxy = await createCutProxy(agent.url);
  slug = fleet.slug('cut');
  fleet.writeInstance(slug, QUICK);
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
  await fleet.cleanUp();
  await proxy.close();
  await agent.close();
});

/** A driver that is not behind the proxy. */
function direct(): TenantDriver {
  const driver = agent.connect();
  opened.push(driver);
  return driver;
}

const ups = () => docker.calls().filter((call) => call === 'up begins').length;
const generation = async () => (await direct().observe([ref()]))[0]?.applied?.generation ?? 0;
const ref = () => ({ slug, project: slug, directory: slug, paths: ['web.conf'] });

async function expectConverged(tag: string, expected: { generation: number; ups: number }): Promise<void> {
  expect(await generation()).toBe(expected.generation);
  expect(ups()).toBe(expected.ups);
  expect(fleet.readTenant(slug, 'web.conf')).toBe(`tag ${tag}\n`);
  expect(await fleet.containers(slug)).toMatchObject([{ service: 'web', tag, state: 'running' }]);
  expect(await fleet.runOne(slug)).toMatchObject({ result: 'inSync', error: null });
}

describe('a connection that breaks', () => {
  it('while a host is observed or inspected makes no difference to the plan', async () => {
    const whole = await fleet.runOne(slug, { dryRun: true });
    expect(whole.result).toBe('changed');
    for (const kind of ['reset', 'truncate'] as const) {
      for (const bytes of [1, 1500, 3500]) {
        proxy.cut('reset');
        proxy.cutAfter(bytes, kind);
        const item = await fleet.runOne(slug, { dryRun: true });
        expect(item, `${kind} after ${bytes} bytes`).toMatchObject({ error: null, result: 'changed' });
        expect(item.plan).toEqual(whole.plan);
      }
      proxy.cut('reset');
      proxy.cutUpload(2500, kind);
      expect((await fleet.runOne(slug, { dryRun: true })).plan).toEqual(whole.plan);
    }
    proxy.delay(40);
    expect((await fleet.runOne(slug, { dryRun: true })).plan).toEqual(whole.plan);
    proxy.delay(0);
    proxy.cut('reset');
    proxy.refuse();
    expect(await fleet.runOne(slug, { dryRun: true })).toMatchObject({ error: { code: 'HostUnreachable' } });
    proxy.accept();
    expect((await fleet.runOne(slug, { dryRun: true })).plan).toEqual(whole.plan);
    expect(fleet.readTenant(slug, 'web.conf')).toBeNull();
  });

  it('in every phase of an apply, in any way, neither stops it nor starts it again', async () => {
    const rounds: [tag: string, kind: CutKind][] = [
      ['v1.0.0', 'reset'],
      ['v1.1.0', 'truncate'],
      ['v2.0.0', 'drop'],
    ];
    for (const [i, [imageTag, kind]] of rounds.entries()) {
      const before = proxy.count();
      fleet.writeInstance(slug, { ...QUICK, imageTag });
      const cut: string[] = [];
      const item = await fleet.runOne(slug, {
        onEvent: (event) => {
          if (event.type !== 'phase' || event.phase === 'plan' || cut.includes(event.phase)) return;
          cut.push(event.phase);
          proxy.cut(kind);
        },
      });
      expect(item, `${kind} ${imageTag}`).toMatchObject({
        error: null,
        result: 'converged',
        applied: { generation: i + 1 },
      });
      expect(cut).toEqual(expect.arrayContaining(PHASES));
      expect(proxy.count() - before).toBeGreaterThanOrEqual(3);
      expect(item.applied?.recreated).toEqual(['web']);
      // A kept connection that nothing comes back from is given up with what was asked on it.
      if (kind === 'drop') expect(await fleet.runOne(slug)).toMatchObject({ error: { code: 'TimedOut' } });
      await expectConverged(imageTag, { generation: i + 1, ups: i + 1 });
    }
  });

  it('while the plan is sent, or before its first answer comes, applies it once', async () => {
    const driver = direct();
    for (const [imageTag, trap] of [
      ['v1.0.0', () => proxy.cutUpload(3000, 'reset')],
      ['v1.1.0', () => proxy.cutAfter(1, 'reset')],
    ] as const) {
      fleet.writeInstance(slug, { ...QUICK, imageTag });
      applyInstead = async (request, options) => {
        const through = agent.connect({ url: proxy.url, patience });
        opened.push(through);
        trap();
        return through.apply(request, options);
      };
      expect(await fleet.runOne(slug)).toMatchObject({ error: null, result: 'converged' });
    }
    expect((await driver.generations(ref())).map(({ number }) => number)).toEqual([2, 1]);
    await expectConverged('v1.1.0', { generation: 2, ups: 2 });
  });

  it('for good leaves the agent to finish, says so, and the next look tells how it ended', async () => {
    patience = { ...PATIENCE, apply: { ...PATIENCE.apply, contactMs: 300 } };
    docker.hold('up');
    const item = await fleet.runOne(slug, {
      onEvent: (event) => {
        if (event.type !== 'phase' || event.phase !== 'up') return;
        proxy.refuse();
        proxy.cut('reset');
      },
    });
    expect(item).toMatchObject({
      result: 'failed',
      error: {
        code: 'HostUnreachable',
        message: expect.stringMatching(/: lost contact while it was applied: /),
        hint: 'the agent finishes what it has begun: reconcile again once the host is back, to see how it ended',
      },
    });
    proxy.accept();
    expect(await fleet.runOne(slug, { dryRun: true })).toMatchObject({
      result: 'waiting',
      plan: { gate: { reason: 'Locked' } },
    });
    docker.letGo('up');
    const driver = direct();
    await expect.poll(async () => (await driver.observe([ref()]))[0]?.lockedBy ?? null, { timeout: 60_000 }).toBeNull();
    await expectConverged('v1.0.0', { generation: 1, ups: 1 });
  });
});

describe('a second apply', () => {
  it('with the same id attaches to the first; with another it is refused, naming who holds the lock', async () => {
    const identity = loadIdentity(agent.pki.controllers.controller as string);
    const asker = createAsker({ url: agent.url, identity, ca: identity.ca });
    docker.hold('up');
    applyInstead = async (request) => {
      const id = randomUUID();
      const body = encodeApply(id, request);
      const path = `/v1/instance/${slug}/apply`;
      const [first, second] = [asker.post(path, body), asker.post(path, body)];
      await docker.held('up');
      await expect(direct().apply(request)).rejects.toMatchObject({
        code: 'Locked',
        message: expect.stringMatching(/ is locked by flotilla \(pid \d+, since /),
      });
      docker.letGo('up');
      const texts = [(await first).text, (await second).text];
      expect(texts[1]).toBe(texts[0]);
      const last = JSON.parse(texts[0]?.trim().split('\n').at(-1) as string);
      expect(last).toMatchObject({ type: 'result' });
      return last.result;
    };
    expect(await fleet.runOne(slug)).toMatchObject({ result: 'converged', applied: { generation: 1 } });
    applyInstead = undefined;
    asker.close();
    await expect(direct().apply(lastApply as ApplyRequest)).rejects.toMatchObject({ code: 'PlanStale' });
    await expectConverged('v1.0.0', { generation: 1, ups: 1 });
  });
});

describe('an interrupted controller', () => {
  it('stops an apply that has changed nothing, even if the network is gone at that moment', async () => {
    for (const broken of [false, true]) {
      docker.hold('pull');
      const stop = new AbortController();
      const running = fleet.runOne(slug, { signal: stop.signal });
      await docker.held('pull');
      if (broken) {
        proxy.refuse();
        proxy.cut('reset');
      }
      stop.abort();
      if (broken) {
        await sleep(200);
        proxy.accept();
      }
      expect(await running).toMatchObject({ result: 'failed', error: { code: 'Cancelled' } });
      docker.letGo('pull');
      expect(fleet.readTenant(slug, 'web.conf')).toBeNull();
      expect(await fleet.containers(slug)).toEqual([]);
      expect(await generation()).toBe(0);
    }
  });

  it('lets one finish that has', async () => {
    docker.hold('up');
    const stop = new AbortController();
    const running = fleet.runOne(slug, { signal: stop.signal });
    await docker.held('up');
    stop.abort();
    docker.letGo('up');
    expect(await running).toMatchObject({ result: 'converged', error: null });
    await expectConverged('v1.0.0', { generation: 1, ups: 1 });
  });
});
