import { describe, expect, it } from 'vitest';
import type { ContainerDetail } from '../../src/agent/engine/engine-api.js';
import type { EngineContainer } from '../../src/agent/engine/engine-containers.js';
import { verifyServices } from '../../src/agent/engine/verify.js';
import type { ServiceModel } from '../../src/compose/model.js';

/** A container of service `web`; what the engine would say about it. */
interface Fake extends Partial<EngineContainer> {
  restartCount?: number;
  startedAt?: string;
  createdAt?: string;
  lastHealthExit?: number;
  /** Where it is described as another than it was listed as. */
  inspected?: Partial<EngineContainer>;
}

const SETTLE_MS = 5_000;
const VERIFY_MS = 60_000;
const START = Date.parse('2030-01-01T00:00:00Z');

function service(name: string, part: Partial<ServiceModel> = {}): ServiceModel {
  return {
    name,
    image: 'app:v1',
    definition: '',
    inline: '',
    replicas: 1,
    restart: 'unless-stopped',
    oneShot: false,
    mounts: [],
    hasHealthcheck: false,
    sharesWith: [],
    profiles: [],
    ...part,
  };
}

/** Runs a verification on a clock of its own; `stateAt` says which containers there are after so many milliseconds. */
async function verify(services: ServiceModel[], stateAt: (ms: number) => Fake[], { since }: { since?: number } = {}) {
  let ms = 0;
  const messages: string[] = [];
  const fakes = () => stateAt(ms).map((fake, i) => ({ id: `c${i}`, ...fake }));
  const run = verifyServices({
    project: 'acme',
    model: { services: Object.fromEntries(services.map((each) => [each.name, each])) },
    list: async () => fakes().map(toContainer),
    inspect: async (id) =>
      fakes()
        .map(toDetail)
        .find((each) => each.id === id) ?? null,
    timeouts: { verifyMs: VERIFY_MS, settleMs: SETTLE_MS },
    ...(since !== undefined && { since }),
    now: () => START + ms,
    sleep: async (wait) => {
      ms += wait;
    },
    onProgress: ({ message }) => messages.push(message),
  });
  const outcome = await run.then(
    (containers) => `in order: ${containers.length}`,
    (error) => `${error.code}: ${error.message} | ${error.hint}`,
  );
  return { outcome, ms, messages };
}

function toContainer(fake: Fake): EngineContainer {
  return {
    id: '',
    project: 'acme',
    service: 'web',
    workingDir: '/srv/acme',
    number: 1,
    configHash: '',
    imageId: '',
    image: '',
    state: 'running',
    health: null,
    exitCode: null,
    ...fake,
  };
}

function toDetail(fake: Fake): ContainerDetail {
  const { id, state, health, exitCode } = toContainer({ ...fake, ...fake.inspected });
  return {
    id,
    state,
    health,
    exitCode: exitCode ?? 0,
    restartCount: fake.restartCount ?? 0,
    createdAt: fake.createdAt ?? '2030-01-01T00:00:01Z',
    startedAt: fake.startedAt ?? '2030-01-01T00:00:01Z',
    lastHealthExit: fake.lastHealthExit ?? null,
  };
}

const LOGS = 'Look at docker compose -p acme logs web on the host.';

describe('a service is in order', () => {
  it('when it still runs after the settle time', async () => {
    const { outcome, ms } = await verify([service('web')], () => [{}]);
    expect([outcome, ms]).toEqual(['in order: 1', SETTLE_MS]);
  });

  it('once it is healthy, and says meanwhile what it waits for', async () => {
    const { outcome, messages } = await verify([service('web')], (ms) => [
      { health: ms < 900 ? 'starting' : 'healthy' },
    ]);
    expect(outcome).toBe('in order: 1');
    expect(messages).toEqual(['waiting for web: not healthy yet', 'all services are in order; looking again in 5 s']);
  });

  it('when it has ended well and nothing starts it again', async () => {
    const job = [service('web', { restart: 'no', oneShot: true })];
    expect((await verify(job, () => [{ state: 'exited', exitCode: 0 }])).outcome).toBe('in order: 1');
  });

  it('when it is scaled to nothing', async () => {
    expect((await verify([service('web', { replicas: 0 })], () => [])).outcome).toBe('in order: 0');
  });

  it('when it restarted once while it came up, and then stayed up for a whole settle time', async () => {
    const { outcome, ms } = await verify([service('web')], (now) =>
      now < 2_000 ? [{}] : [{ restartCount: 1, startedAt: '2030-01-01T00:00:03Z' }],
    );
    expect([outcome, ms]).toEqual(['in order: 1', 2 * SETTLE_MS]);
  });

  it('when it was unhealthy from before the apply and recovers', async () => {
    const { outcome } = await verify(
      [service('web')],
      (ms) => [{ health: ms < 3_000 ? 'unhealthy' : 'healthy', startedAt: '2029-12-31T00:00:00Z' }],
      { since: START },
    );
    expect(outcome).toBe('in order: 1');
  });
});

describe('verification fails', () => {
  it('at once for a service that turns unhealthy', async () => {
    const { outcome, ms } = await verify([service('web')], () => [{ health: 'unhealthy', lastHealthExit: 7 }]);
    expect(outcome).toBe(`VerifyFailed: web: unhealthy, its health command ends with 7 | ${LOGS}`);
    expect(ms).toBe(0);
  });

  it('at once for a container that ends with an error and stays down', async () => {
    const job = [service('web', { restart: 'no' })];
    const { outcome, ms } = await verify(job, () => [{ state: 'exited', exitCode: 3 }]);
    expect([outcome, ms]).toEqual([`VerifyFailed: web: exited with code 3 | ${LOGS}`, 0]);
  });

  it('for a container that crashes within the settle time', async () => {
    const job = [service('web', { restart: 'no' })];
    const { outcome } = await verify(job, (ms) => [ms === 0 ? {} : { state: 'exited', exitCode: 1 }]);
    expect(outcome).toBe(`VerifyFailed: web: exited with code 1 | ${LOGS}`);
  });

  it('after three restarts of a container that crashes over and over', async () => {
    const { outcome, ms } = await verify([service('web')], (now) => [
      { state: 'restarting', exitCode: 1, restartCount: Math.floor(now / 500) },
    ]);
    expect(outcome).toBe(`VerifyFailed: web: restarted 3 times in 2 s, exit code 1 | ${LOGS}`);
    expect(ms).toBeLessThan(2_000);
  });

  it('for a container made by this apply that has restarted three times before the first look', async () => {
    const crashing = () => [{ state: 'running' as const, restartCount: 3, exitCode: 1 }];
    const { outcome } = await verify([service('web')], crashing, { since: START });
    expect(outcome).toBe(`VerifyFailed: web: restarted 3 times in 1 s, exit code 1 | ${LOGS}`);
  });

  it('for a slow crash loop that always looks well when it is looked at', async () => {
    const { outcome } = await verify([service('web')], (ms) => [
      { restartCount: Math.floor(ms / 4_000), startedAt: new Date(START + Math.floor(ms / 4_000)).toISOString() },
    ]);
    expect(outcome).toMatch(/^VerifyFailed: web: restarted 3 times in 15 s \| /);
  });

  it('with the exit code that was seen only within the settle time, though it runs at both ends', async () => {
    const restarts = (ms: number) => (ms < 2_600 ? Math.floor(ms / 500) : 5);
    const { outcome, ms } = await verify([service('web')], (now) => [
      now > 900 && now < 1_100
        ? { state: 'restarting', exitCode: 7, restartCount: 1 }
        : { restartCount: restarts(now), startedAt: new Date(START + restarts(now)).toISOString() },
    ]);
    expect(outcome).toBe(`VerifyFailed: web: restarted 5 times in 5 s, exit code 7 | ${LOGS}`);
    expect(ms).toBe(SETTLE_MS);
  });

  it('with the exit code of the next crash, where the third restart is seen before any', async () => {
    const { outcome, ms } = await verify(
      [service('web')],
      (now) => [now < 600 ? { restartCount: 3 } : { state: 'restarting', exitCode: 9, restartCount: 3 }],
      { since: START },
    );
    expect([outcome, ms]).toEqual([`VerifyFailed: web: restarted 3 times in 1 s, exit code 9 | ${LOGS}`, 600]);
  });

  it('within the settle time for what is found crashing over and over, or down for good', async () => {
    const looping = await verify([service('web')], (now) => [
      now < 1_000 ? {} : { state: 'restarting', exitCode: 1, restartCount: 3 },
    ]);
    expect([looping.outcome, looping.ms]).toEqual([
      `VerifyFailed: web: restarted 3 times in 1 s, exit code 1 | ${LOGS}`,
      1_000,
    ]);
    const job = [service('web', { restart: 'no' })];
    const down = await verify(job, (now) => [now < 1_000 ? {} : { state: 'exited', exitCode: 1 }]);
    expect([down.outcome, down.ms]).toEqual([`VerifyFailed: web: exited with code 1 | ${LOGS}`, 1_000]);
  });

  it('with the exit code of a container that ended after it was listed', async () => {
    const { outcome } = await verify(
      [service('web')],
      (now) => [
        // An engine that lists it as running, and a moment later describes it as restarting.
        { restartCount: 3, ...(now === 0 && { inspected: { state: 'restarting' as const, exitCode: 4 } }) },
      ],
      { since: START },
    );
    expect(outcome).toBe(`VerifyFailed: web: restarted 3 times in 1 s, exit code 4 | ${LOGS}`);
  });

  it('when the time is over, naming every service that is not in order', async () => {
    const services = [service('web', { replicas: 2 }), service('db'), service('ok')];
    const { outcome, ms } = await verify(services, () => [{}, { service: 'db', state: 'created' }, { service: 'ok' }]);
    expect(outcome).toBe(
      'VerifyFailed: db: created, but not started; web: 1 of 2 containers | Look at docker compose -p acme logs db web on the host.',
    );
    expect(ms).toBeGreaterThanOrEqual(VERIFY_MS);
    expect(ms).toBeLessThan(VERIFY_MS + 1_000);
  });
});

it('looks at the list alone within the settle time, twice a second', async () => {
  let [ms, lists, inspections] = [0, 0, 0];
  await verifyServices({
    project: 'acme',
    model: { services: { web: service('web') } },
    list: async () => {
      lists += 1;
      return [toContainer({ id: 'c0' })];
    },
    inspect: async () => {
      inspections += 1;
      return toDetail({ id: 'c0' });
    },
    timeouts: { verifyMs: VERIFY_MS, settleMs: SETTLE_MS },
    now: () => START + ms,
    sleep: async (wait) => {
      ms += wait;
    },
  });
  // One before, one at each end of it, and one each 500 ms between.
  expect([lists, inspections]).toEqual([3 + SETTLE_MS / 500 - 1, 3]);
});

it('ends at once when it is cancelled', async () => {
  const controller = new AbortController();
  const run = verifyServices({
    project: 'acme',
    model: { services: { web: service('web') } },
    list: async () => [toContainer({ id: 'c0' })],
    inspect: async () => toDetail({ id: 'c0' }),
    timeouts: { verifyMs: VERIFY_MS, settleMs: 60_000 },
    signal: controller.signal,
    onProgress: () => controller.abort(),
  });
  await expect(run).rejects.toMatchObject({ code: 'Cancelled' });
});
