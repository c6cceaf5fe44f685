import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FlotillaError } from '../../../src/errors.js';
import { statusOf, upgradeOf } from '../../support/history-fixtures.js';
import { giveMoods } from '../../support/sim/moody-driver.js';
import { createSimFleet, type SimFleet } from '../../support/sim/sim-fleet.js';

const DAY_MS = 24 * 3_600_000;
const FULL = new FlotillaError('HistoryUnavailable', 'the disk is full');

let fleet: SimFleet;
beforeEach(() => {
  fleet = createSimFleet();
});
afterEach(() => fleet.cleanUp());

const onWest = (tag: string) => `host: west, template: web, imageTag: ${tag}`;
const onEast = (tag: string) => `host: east, template: web, imageTag: ${tag}`;

describe('a history that cannot be written', () => {
  it('keeps no instance from being converged, and has every row once there is space again', async () => {
    fleet.instance('acme');
    fleet.history.failWith = FULL;
    await fleet.start();
    fleet.instance('acme', onEast('v2'));
    await fleet.push();
    fleet.host('east').kill('acme');
    await fleet.push();
    expect(fleet.host('east').applies).toEqual(['acme v1', 'acme v2', 'acme v2']);
    expect(fleet.history.batches).toEqual([]);
    fleet.history.failWith = null;
    await fleet.push();
    expect(await fleet.conditions('acme')).toBe('Ready=True:Converged');
    expect(await fleet.reasons('acme')).toEqual(['Converged', 'Converged', 'Healed']);
    const upgrades = await fleet.history.upgrades({ slug: 'acme', limit: 10 });
    expect(upgrades.map(({ toImageTag, result }) => `${toImageTag} ${result}`)).toEqual([
      'v2 converged',
      'v2 converged',
      'v1 converged',
    ]);
  });

  it('lets the daemon stop, and the next one finds by looking what was not written', async () => {
    fleet.instance('acme');
    fleet.history.failWith = FULL;
    await fleet.start();
    await fleet.stop();
    fleet.history.failWith = null;
    expect(await fleet.status('acme')).toBeUndefined();
    await fleet.start();
    expect(await fleet.conditions('acme')).toContain('Ready=True');
    expect(fleet.host('east').applies).toEqual(['acme v1']);
  });
});

describe('a wall clock that jumps', () => {
  it.each([
    ['a day ahead', DAY_MS],
    ['a day back', -DAY_MS],
    ['a bit more than a day back', -(DAY_MS + 37_123)],
  ])('%s: the schedule goes on, and nothing is applied again', async (_, jumpMs) => {
    fleet.instance('acme');
    await fleet.start();
    await fleet.clock.advance(15 * 60_000);
    fleet.clock.jump(jumpMs);
    const before = fleet.host('east').observed();
    await fleet.clock.advance(12 * 60_000);
    expect(fleet.host('east').observed()).toBeGreaterThan(before);
    expect(fleet.host('east').applies).toEqual(['acme v1']);
    expect(await fleet.reasons('acme')).toEqual(['Converged']);
  });

  it.each([
    ['ahead', DAY_MS],
    ['back', -DAY_MS],
  ])('%s: what failed is tried again after its wait, as if nothing had happened', async (_, jumpMs) => {
    fleet.instance('acme');
    fleet.host('east').fail('acme', { code: 'ImageNotFound', phase: 'pull' });
    await fleet.start();
    await fleet.clock.advance(60_000);
    const tries = fleet.host('east').applies.length;
    fleet.clock.jump(jumpMs);
    fleet.host('east').fail('acme', null);
    await fleet.clock.advance(5 * 60_000);
    expect(fleet.host('east').applies.length).toBe(tries + 1);
    expect(await fleet.conditions('acme')).toBe('Ready=True:Converged');
  });

  it('ahead of the beginning of a window opens it', async () => {
    const allow = 'maintenance: { allow: [{ cron: "0 22 * * *", duration: 2h }] }';
    fleet.instance('acme');
    await fleet.start();
    fleet.instance('acme', `${onEast('v2')}, ${allow}`);
    await fleet.push();
    expect(await fleet.conditions('acme')).toContain('OutsideWindow');
    // From ten in the morning to half past ten in the evening.
    fleet.clock.jump(12.5 * 3_600_000);
    await fleet.clock.advance(16 * 60_000);
    expect(fleet.host('east').tagOf('acme')).toBe('v2');
  });
});

describe('what is remembered', () => {
  const remembered = async () => ({
    upgrades: (await fleet.history.upgrades({ limit: 100 })).map(({ id }) => id),
    decisions: (await fleet.history.decisions({ limit: 100 })).map(({ sequence }) => sequence),
  });

  it('outlives a wall clock that jumps 200 days ahead and, hours later, back', async () => {
    fleet.instance('acme');
    await fleet.start({ retentionMs: 90 * DAY_MS });
    for (const tag of ['v2', 'v3']) {
      fleet.instance('acme', onEast(tag));
      await fleet.push();
    }
    const before = await remembered();
    expect(before.upgrades.length).toBe(3);
    await fleet.clock.advance(2 * 3_600_000);
    fleet.clock.jump(200 * DAY_MS);
    await fleet.clock.advance(5 * 3_600_000);
    fleet.clock.jump(-200 * DAY_MS);
    await fleet.clock.advance(5 * 3_600_000);
    expect(await remembered()).toEqual(before);
  });

  it('is deleted once it is old enough by a clock that has gone on', async () => {
    fleet.instance('acme');
    await fleet.start({ retentionMs: 5 * 3_600_000 });
    fleet.instance('acme', onEast('v2'));
    await fleet.push();
    const before = await remembered();
    await fleet.clock.advance(4 * 3_600_000);
    expect(await remembered()).toEqual(before);
    await fleet.clock.advance(3 * 3_600_000);
    const after = await remembered();
    // The newest upgrade of an instance stays.
    expect(after.upgrades).toEqual(before.upgrades.slice(0, 1));
    expect(after.decisions).toEqual([]);
  });
});

describe('a host that does not answer as it should', () => {
  it.each(['garbage', 'tooFew'] as const)('%s: is tried again, and keeps no other from its work', async (mood) => {
    const setMood = giveMoods(fleet.host('east'));
    setMood(mood);
    fleet.instance('acme');
    fleet.instance('birch', onWest('v1'));
    await fleet.start();
    expect(fleet.host('west').applies).toEqual(['birch v1']);
    expect(fleet.hostCounts).toEqual(mood === 'garbage' ? { connected: 1, total: 2 } : { connected: 2, total: 2 });
    expect(await fleet.conditions('acme')).toMatch(/^Ready=False:(AnswerInvalid|Internal) Reconciling=True/);
    fleet.instance('birch', onWest('v2'));
    await fleet.push();
    expect(fleet.host('west').tagOf('birch')).toBe('v2');
    expect(fleet.host('east').applies).toEqual([]);
    setMood('well');
    await fleet.clock.advance(10 * 60_000);
    expect(fleet.hostCounts).toEqual({ connected: 2, total: 2 });
    expect(await fleet.conditions('acme')).toBe('Ready=True:Converged');
  });

  it('never answers: the other hosts are kept, and the daemon still stops', async () => {
    giveMoods(fleet.host('east'))('never');
    for (const slug of ['acme', 'cedar', 'dune']) fleet.instance(slug);
    fleet.instance('birch', onWest('v1'));
    await fleet.start();
    await fleet.clock.advance(3_600_000);
    fleet.instance('birch', onWest('v2'));
    await fleet.push();
    fleet.host('west').kill('birch');
    await fleet.push();
    expect(fleet.host('west').applies).toEqual(['birch v1', 'birch v2', 'birch v2']);
    expect(await fleet.conditions('acme')).toContain('Ready=Unknown:Pending');
    await fleet.stop();
    expect(fleet.clock.timers()).toBe(0);
  });
});

describe('stopping and starting', () => {
  it('waits for an apply that waits for health as long as it may, and leaves it to the next start then', async () => {
    fleet.instance('acme');
    const daemon = await fleet.start();
    fleet.host('east').hang('acme', true);
    fleet.instance('acme', onEast('v2'));
    await fleet.push();
    let stopped = false;
    const stopping = daemon.stop(60_000).then(() => {
      stopped = true;
    });
    await fleet.clock.advance(59_000);
    expect(stopped).toBe(false);
    await fleet.clock.advance(2_000);
    await stopping;
    expect((await fleet.history.upgrades({ slug: 'acme', limit: 1 }))[0]).toMatchObject({
      toImageTag: 'v2',
      result: 'interrupted',
    });
    fleet.host('east').hang('acme', false);
    await fleet.start();
    expect(fleet.host('east').tagOf('acme')).toBe('v2');
    expect(await fleet.conditions('acme')).toBe('Ready=True:Converged');
  });

  it('says of an upgrade that an earlier process began and did not end that it was interrupted', async () => {
    fleet.instance('acme');
    const upgrades = [upgradeOf({ id: 'cut', slug: 'acme', result: 'running', phases: [], finishedAt: null })];
    const rows = { decisions: [], forgotten: [], accepted: [] };
    await fleet.history.write({ ...rows, upgrades, statuses: [statusOf('acme')] });
    await fleet.start();
    const found = (await fleet.history.upgrades({ slug: 'acme', limit: 5 })).find(({ id }) => id === 'cut');
    expect(found).toMatchObject({ result: 'interrupted', finishedAt: fleet.clock.now().toISOString() });
    expect(await fleet.history.running()).toEqual([]);
    expect(await fleet.conditions('acme')).toBe('Ready=True:Converged');
  });

  it('leaves nothing behind that waits', async () => {
    fleet.instance('acme');
    fleet.host('east').fail('acme', { code: 'ImageNotFound', phase: 'pull' });
    fleet.instance('birch', onWest('v1'));
    fleet.host('west').setReachable(false);
    await fleet.start();
    // The schedule has come, and the hosts are to be looked at within its jitter.
    await fleet.clock.advance(10 * 60_000 + 1_000);
    await fleet.stop();
    expect(fleet.clock.timers()).toBe(0);
  });
});
