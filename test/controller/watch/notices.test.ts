import { afterEach, beforeEach, expect, it } from 'vitest';
import { createChangeFilter } from '../../../src/notify/change-filter.js';
import { createSimFleet, type SimFleet } from '../../support/sim/sim-fleet.js';

const DAY_MS = 86_400_000;

let fleet: SimFleet;
beforeEach(() => {
  fleet = createSimFleet();
});
afterEach(() => fleet.cleanUp());

/** What people are told of all that the daemon said so far. */
function told(): string[] {
  const filter = createChangeFilter();
  return fleet.notices.filter(filter.isChange).map(({ kind, reason }) => `${kind} ${reason}`);
}

it('tells of each heal, when somebody edits a file of the same instance day after day', async () => {
  fleet.instance('acme');
  await fleet.start();
  for (const thenMs of [DAY_MS, 60_000]) {
    fleet.host('east').edit('acme', 'docker-compose.yml');
    await fleet.clock.advance(thenMs);
  }
  expect(fleet.host('east').applies).toEqual(['acme v1', 'acme v1', 'acme v1']);
  expect(told()).toEqual(['UpgradeSucceeded Converged', 'DriftDetected Healed', 'DriftDetected Healed']);
});

it('tells of each heal of a container that dies every two minutes', async () => {
  fleet.instance('acme');
  await fleet.start();
  for (let deaths = 0; deaths < 20; deaths += 1) {
    fleet.host('east').kill('acme');
    await fleet.clock.advance(2 * 60_000);
  }
  expect(told().filter((each) => each === 'DriftDetected Healed')).toHaveLength(20);
});

it('tells once of a heal that fails, however often it is tried again', async () => {
  fleet.instance('acme');
  await fleet.start();
  fleet.host('east').fail('acme', { code: 'VerifyFailed', phase: 'verify' });
  fleet.host('east').edit('acme', 'docker-compose.yml');
  // Back-offs grow to five minutes.
  await fleet.clock.advance(60 * 60_000);
  expect(fleet.host('east').applies.length).toBeGreaterThan(1 + 10);
  expect(told()).toEqual(['UpgradeSucceeded Converged', 'UpgradeFailed VerifyFailed']);
});

it('tells once that a host is away, not of each of its instances, and once that it is back', async () => {
  for (const slug of ['acme', 'birch', 'cedar']) fleet.instance(slug);
  await fleet.start();
  fleet.notices.length = 0;
  for (let outages = 0; outages < 2; outages += 1) {
    fleet.host('east').setReachable(false);
    await fleet.clock.advance(6 * 3_600_000);
    fleet.host('east').setReachable(true);
    await fleet.clock.advance(60_000);
  }
  expect(told()).toEqual([
    'HostFailed HostUnreachable',
    'HostRecovered Answering',
    'HostFailed HostUnreachable',
    'HostRecovered Answering',
  ]);
  expect(fleet.notices.find(({ kind }) => kind === 'HostFailed')).toMatchObject({
    host: 'east',
    slug: null,
    message: 'host east does not answer (instances on it: 3)',
  });
  expect(await fleet.reasons(null)).toEqual(['HostUnreachable', 'HostRecovered', 'HostUnreachable', 'HostRecovered']);
});

it('tells nobody of an agent that is only started again', async () => {
  fleet.instance('acme');
  await fleet.start();
  fleet.notices.length = 0;
  fleet.host('east').setReachable(false);
  await fleet.clock.advance(5_000);
  fleet.host('east').setReachable(true);
  await fleet.clock.advance(3_600_000);
  expect(told()).toEqual([]);
});

it('does not take a dead host for well because nothing on it is desired any more', async () => {
  fleet.instance('acme', 'host: west, template: web, imageTag: v1, deletionPolicy: Down');
  for (const slug of ['birch', 'cedar']) fleet.instance(slug);
  await fleet.start();
  fleet.host('west').setReachable(false);
  await fleet.clock.advance(3_600_000);
  fleet.write('acme.yaml', null);
  await fleet.push();
  await fleet.clock.advance(3_600_000);
  expect(fleet.hostCounts).toEqual({ connected: 1, total: 2 });
  expect(told().filter((each) => each.startsWith('Host'))).toEqual(['HostFailed HostUnreachable']);
});

it('tells again of a host that left while it was away, and came back', async () => {
  fleet.instance('acme', 'host: west, template: web, imageTag: v1');
  for (const slug of ['birch', 'cedar']) fleet.instance(slug);
  await fleet.start();
  fleet.host('west').setReachable(false);
  await fleet.clock.advance(3_600_000);
  fleet.write('acme.yaml', null);
  await fleet.push();
  fleet.host('west').setReachable(true);
  fleet.instance('acme', 'host: west, template: web, imageTag: v1');
  await fleet.push();
  await fleet.clock.advance(3_600_000);
  fleet.host('west').setReachable(false);
  await fleet.clock.advance(3_600_000);
  expect(told().filter((each) => each === 'HostFailed HostUnreachable')).toHaveLength(2);
});
