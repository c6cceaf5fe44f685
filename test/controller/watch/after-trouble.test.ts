import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ErrorCode, FlotillaError } from '../../../src/errors.js';
import { createSimFleet, type SimFleet } from '../../support/sim/sim-fleet.js';
import type { SimHost } from '../../support/sim/sim-host.js';

let fleet: SimFleet;
beforeEach(() => {
  fleet = createSimFleet();
});
afterEach(() => fleet.cleanUp());

const DOWN = 'host: east, template: web, imageTag: v1, deletionPolicy: Down';
const BROKEN = 'host: east, template: web, imageTag: "not a tag"';

/** As long as a code is given, the host cannot be looked at. */
function failToLook(host: SimHost, codeNow: () => ErrorCode | null): void {
  const { driver } = host;
  host.driver = () => {
    const real = driver();
    return {
      ...real,
      async observe(requests, options) {
        const code = codeNow();
        if (code) throw new FlotillaError(code, 'as told');
        return real.observe(requests, options);
      },
    };
  };
}

describe('a host that was away', () => {
  it('is asked again by itself, and its instances do not wait for their back-offs', async () => {
    fleet.instance('acme');
    fleet.host('east').setReachable(false);
    await fleet.start();
    await fleet.clock.advance(3_600_000);
    fleet.host('east').setReachable(true, { silently: true });
    await fleet.clock.advance(20_000);
    expect(await fleet.conditions('acme')).toBe('Ready=True:Converged');
  });

  it.each([
    ['HostUnreachable', 'Unknown'],
    ['PeerRefused', 'Unknown'],
    ['TimedOut', 'Unknown'],
    ['AnswerInvalid', 'False'],
  ] as const)('with %s: nobody waits for a back-off once it answers', async (code, ready) => {
    let away = true;
    failToLook(fleet.host('east'), () => (away ? code : null));
    fleet.instance('acme');
    await fleet.start();
    await fleet.clock.advance(3_600_000);
    expect(await fleet.conditions('acme')).toBe(`Ready=${ready}:${code} Reconciling=True:${code}`);
    away = false;
    await fleet.clock.advance(20_000);
    expect(await fleet.conditions('acme')).toBe('Ready=True:Converged');
  });

  it('leaves an instance that was stalled as stalled', async () => {
    fleet.instance('acme');
    fleet.host('east').fail('acme', { code: 'ComposeInvalid', phase: 'pull' });
    await fleet.start();
    fleet.host('east').setReachable(false);
    await fleet.clock.advance(20 * 60_000);
    fleet.host('east').setReachable(true);
    await fleet.clock.advance(60_000);
    expect(await fleet.conditions('acme')).toBe('Ready=False:ComposeInvalid Stalled=True:ComposeInvalid');
  });
});

describe('desired state that is mended', () => {
  it('has an instance looked at that was broken when the daemon started', async () => {
    fleet.instance('acme');
    await fleet.start();
    await fleet.stop();
    fleet.instance('acme', BROKEN);
    fleet.forgetPast();
    await fleet.start();
    fleet.host('east').edit('acme', 'docker-compose.yml');
    await fleet.push();
    expect(fleet.host('east').applies).toEqual(['acme v1']);
    expect(await fleet.conditions('acme')).toBe('Ready=Unknown:NotLookedAt Stalled=True:DesiredStateInvalid');
    fleet.instance('acme');
    await fleet.push();
    expect(fleet.host('east').applies).toEqual(['acme v1', 'acme v1']);
    expect(await fleet.conditions('acme')).toBe('Ready=True:Converged');
  });
});

describe('an instance whose manifest was removed', () => {
  it('is not taken down when it only has another name now', async () => {
    for (const slug of ['birch', 'cedar']) fleet.instance(slug);
    fleet.instance('acme', DOWN);
    await fleet.start();
    fleet.write('acme.yaml', null);
    fleet.instance('acme-2', `${DOWN}, project: acme, directory: acme, suspend: true`);
    await fleet.push();
    await fleet.clock.advance(15_000);
    expect(fleet.host('east').applies.filter((each) => each.endsWith('down'))).toEqual([]);
    expect(await fleet.reasons('acme')).toEqual(['Converged', 'Orphaned']);
  });

  it('is not taken down while it may be a new one that has problems', async () => {
    for (const slug of ['birch', 'cedar']) fleet.instance(slug);
    fleet.instance('acme', DOWN);
    await fleet.start();
    fleet.write('acme.yaml', null);
    fleet.instance('acme-2', `${BROKEN}, project: acme, directory: acme`);
    await fleet.push();
    await fleet.clock.advance(3_600_000);
    expect(fleet.host('east').isRunning('acme')).toBe(true);
    fleet.instance('acme-2', `${DOWN}, project: acme, directory: acme`);
    await fleet.push();
    await fleet.clock.advance(3_600_000);
    expect(fleet.host('east').applies.filter((each) => each.endsWith('down'))).toEqual([]);
    expect((await fleet.reasons('acme')).at(-1)).toBe('Orphaned');
  });

  it('is not taken down when it was gone for a moment only', async () => {
    for (const slug of ['birch', 'cedar']) fleet.instance(slug);
    fleet.instance('acme', DOWN);
    await fleet.start();
    fleet.write('acme.yaml', null);
    await fleet.push();
    await fleet.clock.advance(2_000);
    fleet.instance('acme', DOWN);
    await fleet.push();
    await fleet.clock.advance(3_600_000);
    expect(fleet.host('east').applies).toEqual(['acme v1', 'birch v1', 'cedar v1']);
    expect(await fleet.conditions('acme')).toMatch(/^Ready=True/);
  });

  it('is taken down after a restart, too, and does not count as lost once more', async () => {
    for (const slug of ['birch', 'cedar', 'dune', 'elm']) fleet.instance(slug);
    for (const slug of ['acme', 'fir', 'gum']) fleet.instance(slug, DOWN);
    await fleet.start();
    fleet.host('east').setReachable(false);
    for (const slug of ['acme', 'fir', 'gum']) fleet.write(`${slug}.yaml`, null);
    await fleet.push();
    await fleet.stop();
    fleet.write('birch.yaml', null);
    fleet.host('east').setReachable(true);
    await fleet.start();
    await fleet.clock.advance(60_000);
    expect(fleet.host('east').isRunning('acme')).toBe(false);
    expect((await fleet.history.statuses()).map(({ slug }) => slug)).toEqual(['cedar', 'dune', 'elm']);
  });

  it('is let go when the manifest of its host is gone, too', async () => {
    fleet.instance('acme', 'host: west, template: web, imageTag: v1, deletionPolicy: Down');
    for (const slug of ['birch', 'cedar']) fleet.instance(slug);
    await fleet.start();
    fleet.write('acme.yaml', null);
    fleet.write('host-west.yaml', null);
    await fleet.push();
    await fleet.clock.advance(15_000);
    expect(await fleet.reasons('acme')).toEqual(['Converged', 'HostRemoved']);
    expect(fleet.host('west').isRunning('acme')).toBe(true);
    expect((await fleet.history.statuses()).map(({ slug }) => slug)).toEqual(['birch', 'cedar']);
  });
});

describe('a revision that was refused', () => {
  it('leaves what was in force before a restart healed', async () => {
    for (const slug of ['acme', 'birch', 'cedar']) fleet.instance(slug);
    await fleet.start();
    await fleet.stop();
    for (const slug of ['acme', 'birch']) fleet.write(`${slug}.yaml`, null);
    await fleet.start();
    fleet.host('east').kill('cedar');
    await fleet.clock.advance(1_000);
    expect(fleet.host('east').isRunning('cedar')).toBe(true);
    expect((await fleet.history.statuses()).map(({ slug }) => slug)).toEqual(['acme', 'birch', 'cedar']);
  });

  it('is taken by a confirmation once, and not when it comes again', async () => {
    const slugs = ['acme', 'birch', 'cedar'];
    for (const slug of slugs) fleet.instance(slug);
    await fleet.start();
    const remove = () => {
      for (const slug of ['acme', 'birch']) fleet.write(`${slug}.yaml`, null);
    };
    remove();
    await fleet.push();
    fleet.confirm(fleet.notices.findLast(({ kind }) => kind === 'SourceRefused')?.revision ?? '');
    await fleet.clock.advance(5_000);
    expect((await fleet.history.statuses()).map(({ slug }) => slug)).toEqual(['cedar']);
    for (const slug of slugs) fleet.instance(slug);
    await fleet.push();
    remove();
    await fleet.push();
    await fleet.clock.advance(5_000);
    expect((await fleet.history.statuses()).map(({ slug }) => slug)).toEqual(slugs);
  });
});

it('stalls where something undoes each heal a little later, instead of healing for ever', async () => {
  fleet.instance('acme');
  await fleet.start();
  for (let minute = 0; minute < 30; minute += 1) {
    if (fleet.host('east').isRunning('acme')) fleet.host('east').kill('acme');
    await fleet.clock.advance(10_000);
  }
  expect(fleet.host('east').applies.length).toBe(11);
  expect(await fleet.conditions('acme')).toContain('Stalled=True:NoProgress');
});

it('does not call it a newer revision when the daemon stops during a wait for health', async () => {
  fleet.instance('acme');
  fleet.host('east').hang('acme', true);
  await fleet.start();
  const stopped = fleet.stop();
  await fleet.clock.advance(2_000);
  await stopped;
  expect((await fleet.history.upgrades({ limit: 1 }))[0]).toMatchObject({ slug: 'acme', result: 'interrupted' });
  expect(await fleet.reasons('acme')).toEqual([]);
});
