import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type BuiltCli, buildCli } from '../support/cli-process.js';
import { createOperatorFleet, IMAGE, type OperatorFleet } from '../support/operator.js';
import { startDaemon, type WatchDaemon } from '../support/watch-daemon.js';
import { type Listener, startListener } from '../support/watch-listener.js';
import { conditionOf, until } from '../support/watch-state.js';

const TIMEOUTS = '{ pull: 1m, up: 1m, verify: 1m, settle: 0s }';
const LONG = 300_000;

/** Any other release never gets healthy. */
const ONLY_FIRST_IS_HEALTHY = `services:
  web:
    image: "${IMAGE}"
    command: [serve]
    healthcheck: { test: [CMD, sh, -c, "[ {{imageTag}} = v1.0.0 ]"], interval: 500ms, retries: 2 }
    stop_grace_period: 1s
`;

let cli: BuiltCli;
let fleet: OperatorFleet;
let listener: Listener;
let daemon: WatchDaemon;
let acme: string;
let beta: string;
let gamma: string;

beforeAll(async () => {
  cli = buildCli();
  fleet = createOperatorFleet(TIMEOUTS);
  [acme, beta, gamma] = [fleet.slug('acme'), fleet.slug('beta'), fleet.slug('gamma')];
  for (const slug of [acme, beta]) fleet.writeInstance(slug, {});
  listener = await startListener();
  const notifications = [{ type: 'webhook', url: listener.url }];
  daemon = await startDaemon(cli, { directory: fleet.dir, config: { notifications } });
}, LONG);
afterAll(async () => {
  if (daemon && !daemon.hasEnded()) await daemon.kill();
  await listener?.close();
  await fleet.cleanUp();
  cli.remove();
});

const web = async (slug: string) => (await fleet.containers(slug)).find(({ service }) => service === 'web');
const ids = async (slug: string) => (await fleet.containers(slug)).map(({ id }) => id);

it('installs what is desired, and says which revision it has brought there', async () => {
  for (const slug of [acme, beta]) {
    const status = await daemon.untilReady(slug, 'v1.0.0');
    expect(await web(slug)).toMatchObject({ tag: 'v1.0.0', state: 'running' });
    const revision = await daemon.revision();
    expect(status).toMatchObject({
      desiredRevision: revision,
      attemptedRevision: revision,
      appliedRevision: revision,
      failures: 0,
    });
    const upgrades = await daemon.upgrades(slug);
    expect(upgrades).toMatchObject([{ fromImageTag: null, toImageTag: 'v1.0.0', result: 'converged', revision }]);
  }
}, 400_000);

it(
  'brings an edited tag to the tenant, records why and how, and leaves the other tenant alone',
  async () => {
    const [before, others] = [await daemon.status(beta), await ids(beta)];
    fleet.writeInstance(acme, { imageTag: 'v1.1.0' });
    const status = await daemon.untilReady(acme, 'v1.1.0');
    expect(await web(acme)).toMatchObject({ tag: 'v1.1.0', state: 'running' });
    expect(fleet.readTenant(acme, 'web.conf')).toBe('tag v1.1.0\n');

    const revision = await daemon.revision();
    expect(status).toMatchObject({ desiredRevision: revision, attemptedRevision: revision, appliedRevision: revision });
    const [upgrade] = await daemon.upgrades(acme);
    expect(upgrade).toMatchObject({
      fromImageTag: 'v1.0.0',
      toImageTag: 'v1.1.0',
      revision,
      result: 'converged',
      cause: expect.stringContaining('v1.0.0 -> v1.1.0'),
      error: null,
    });
    const phases = upgrade?.phases.map(({ phase }) => phase);
    expect(phases).toEqual(expect.arrayContaining(['pull', 'commit', 'up', 'verify']));
    expect(upgrade?.plan.files.map(({ path }) => path)).toEqual(['docker-compose.yml', 'web.conf']);

    expect(await ids(beta)).toEqual(others);
    expect(await daemon.status(beta)).toEqual(before);
    expect(await daemon.upgrades(beta)).toHaveLength(1);
  },
  LONG,
);

it('lets another process wait for a revision, and tells it when there is none such', async () => {
  const revision = await daemon.revision();
  const wait = (wanted: string, timeout: string) =>
    daemon.flotilla('wait', acme, beta, '--for', 'Ready', '--revision', wanted, '--timeout', timeout);
  const waited = await wait(revision, '2m');
  expect(waited, waited.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining(`${acme} condition met`) });
  expect(await wait(`sha256:${'0'.repeat(64)}`, '1s')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('has not accepted revision'),
  });
});

it(
  'holds what is broken where it was, and goes on with the good edit beside it',
  async () => {
    const before = await ids(acme);
    fleet.writeInstance(acme, { imageTag: 'no tag!' });
    fleet.writeInstance(beta, { imageTag: 'v1.1.0' });
    await daemon.untilReady(beta, 'v1.1.0');
    const held = await daemon.untilStatus(acme, 'is held', (status) => conditionOf(status, 'Stalled') !== undefined);
    expect(conditionOf(held, 'Stalled')).toMatchObject({
      status: 'True',
      reason: 'DesiredStateInvalid',
      message: expect.stringContaining(`${acme}.json`),
    });
    expect(held).toMatchObject({ imageTag: 'v1.1.0', appliedImageTag: 'v1.1.0' });
    expect(conditionOf(held, 'Ready')?.status).toBe('True');

    fleet.writeInstance(acme, { imageTag: 'v1.1.0' });
    await daemon.untilStatus(acme, 'is held no more', (status) => conditionOf(status, 'Stalled') === undefined);
    expect(await ids(acme)).toEqual(before);
    expect(await daemon.upgrades(acme)).toHaveLength(2);
  },
  LONG,
);

it(
  'holds an instance at its last good state when a file that cannot be read may have it',
  async () => {
    const file = join(fleet.manifests, `${acme}.json`);
    const [good, before] = [JSON.stringify(manifestOf(acme, 'v1.1.0')), await ids(acme)];
    writeFileSync(file, good.slice(0, 40));
    await daemon.untilStatus(acme, 'is held', (status) => conditionOf(status, 'Stalled') !== undefined);
    expect(await ids(acme)).toEqual(before);
    writeFileSync(file, good);
    await daemon.untilStatus(acme, 'is held no more', (status) => conditionOf(status, 'Stalled') === undefined);
    expect(await ids(acme)).toEqual(before);
  },
  LONG,
);

function manifestOf(slug: string, imageTag: string): Record<string, unknown> {
  const spec = { fleet: 'production', host: 'one', imageTag };
  return { apiVersion: 'flotilla.dev/v1', kind: 'Instance', metadata: { name: slug }, spec };
}

it(
  'leaves the tenant untouched for a tag that no registry has, keeps that tag desired, and takes the next one',
  async () => {
    const before = await fleet.snapshot(acme);
    fleet.writeInstance(acme, { imageTag: 'v9.9.9' });
    const failed = await daemon.untilStatus(acme, 'has failed', ({ failures }) => failures > 0);
    expect(failed).toMatchObject({ imageTag: 'v9.9.9', appliedImageTag: 'v1.1.0' });
    expect(failed.nextAttemptAt).not.toBeNull();
    expect(conditionOf(failed, 'Ready')).toMatchObject({ status: 'False', reason: 'ImageNotFound' });
    expect((await daemon.upgrades(acme))[0]).toMatchObject({
      fromImageTag: 'v1.1.0',
      toImageTag: 'v9.9.9',
      result: 'failed',
      error: { code: 'ImageNotFound', phase: 'pull' },
    });
    expect(await fleet.snapshot(acme)).toEqual(before);

    fleet.writeInstance(acme, { imageTag: 'v2.0.0' });
    await daemon.untilReady(acme, 'v2.0.0');
    expect(await web(acme)).toMatchObject({ tag: 'v2.0.0', state: 'running' });
    expect((await daemon.upgrades(acme))[0]).toMatchObject({ fromImageTag: 'v1.1.0', result: 'converged' });
  },
  LONG,
);

it(
  'holds an instance that cannot be rendered, and tells people so',
  async () => {
    const delta = fleet.slug('delta');
    const compose = ONLY_FIRST_IS_HEALTHY.replace('[serve]', '[serve, "{{values.port}}"]');
    fleet.writeOwn(delta, compose, {}, { values: { port: 80 } });
    await daemon.untilReady(delta, 'v1.0.0');
    const before = await ids(delta);
    fleet.writeOwn(delta, compose, {}, { imageTag: 'v1.1.0' });
    const held = await daemon.untilStatus(delta, 'is held', (status) => conditionOf(status, 'Stalled') !== undefined);
    expect(conditionOf(held, 'Stalled')?.message).toContain('values.port');
    await until('people are told', () => listener.heard().some((body) => body.includes('values.port')), daemon.log);
    expect(await metric('flotilla_desired_problems')).toBe(1);
    expect(await ids(delta)).toEqual(before);

    fleet.writeOwn(delta, compose, {}, { values: { port: 80 } });
    await daemon.untilStatus(delta, 'is held no more', (status) => conditionOf(status, 'Stalled') === undefined);
    expect(await metric('flotilla_desired_problems')).toBe(0);
  },
  LONG,
);

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${daemon.url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

it(
  'goes back by itself to what worked where the manifest says so, and waits for another tag',
  async () => {
    const own = { rollback: 'OnFailure', timeouts: { pull: '1m', up: '1m', verify: '5s', settle: '0s' } };
    const write = (imageTag: string) => fleet.writeOwn(gamma, ONLY_FIRST_IS_HEALTHY, {}, { imageTag, ...own });
    write('v1.0.0');
    await daemon.untilReady(gamma, 'v1.0.0');
    write('v1.1.0');
    await daemon.untilDecision('RolledBack', { slug: gamma });
    expect(await fleet.containers(gamma)).toMatchObject([{ tag: 'v1.0.0', state: 'running' }]);
    expect((await daemon.upgrades(gamma))[0]).toMatchObject({ toImageTag: 'v1.1.0', result: 'rolledBack' });
    expect(await daemon.status(gamma)).toMatchObject({ imageTag: 'v1.1.0' });
    write('v1.0.0');
    await daemon.untilReady(gamma, 'v1.0.0');
  },
  LONG,
);

it('lets no second daemon work on the same state', async () => {
  const second = await daemon.flotilla('watch', '--listen', 'off');
  expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining('StateLocked') });
  expect((await daemon.flotilla('wait', acme, '--for', 'Ready', '--timeout', '2m')).code).toBe(0);
});

it(
  'ends with 0 when it is told to, and leaves what runs running',
  async () => {
    const before = [await ids(acme), await ids(beta)];
    const { code, signal } = await daemon.stop();
    expect({ code, signal }).toEqual({ code: 0, signal: null });
    expect([await ids(acme), await ids(beta)]).toEqual(before);
    expect(await web(acme)).toMatchObject({ state: 'running' });
  },
  LONG,
);
