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
