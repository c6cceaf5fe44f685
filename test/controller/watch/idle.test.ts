import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createSimFleet, type SimFleet } from '../../support/sim/sim-fleet.js';

const HOUR_MS = 3_600_000;
const INSTANCES = 2_000;
const GROWTH_MB = 8;

let fleet: SimFleet;
beforeEach(() => {
  fleet = createSimFleet();
});
afterEach(() => fleet.cleanUp());

/** What is in use once nothing is left to collect. */
function heapMb(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let round = 0; round < 3; round += 1) collect();
  return process.memoryUsage().heapUsed / 1e6;
}

it('a large fleet in which nothing happens for a day is looked at, and grows nothing: no timers, no rows, no memory', async () => {
  const documents = Array.from({ length: INSTANCES }, (_, i) =>
    [
      'apiVersion: flotilla.dev/v1',
      'kind: Instance',
      `metadata: { name: t${i} }`,
      `spec: { host: ${i % 2 ? 'east' : 'west'}, template: web, imageTag: v1 }`,
    ].join('\n'),
  );
  fleet.write('all.yaml', `${documents.join('\n---\n')}\n`);
  const daemon = await fleet.start({ resync: { cron: '*/30 * * * *', timeZone: 'UTC', jitterMs: 60_000 } });
  const hosts = [fleet.host('east'), fleet.host('west')];
  const applied = () => hosts.reduce((sum, { applies }) => sum + applies.length, 0);
  const observed = () => hosts.reduce((sum, host) => sum + host.observed(), 0);
  expect(applied()).toBe(INSTANCES);

  await fleet.clock.advance(HOUR_MS + 5 * 60_000);
  const [seen, rows, timers, heap] = [observed(), fleet.history.batches.length, fleet.clock.timers(), heapMb()];
  await fleet.clock.advance(23 * HOUR_MS);

  expect(observed() - seen).toBeGreaterThanOrEqual(46 * INSTANCES);
  expect(applied()).toBe(INSTANCES);
  expect(fleet.history.batches.length).toBe(rows);
  expect(fleet.clock.timers()).toBe(timers);
  expect(heapMb() - heap).toBeLessThan(GROWTH_MB);
  expect(fleet.notices.filter(({ slug }) => slug !== null).length).toBe(INSTANCES);
  expect(daemon.reasons()).toEqual([]);
}, 480_000);
