import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSimFleet, type SimFleet } from '../../support/sim/sim-fleet.js';

let fleet: SimFleet;
beforeEach(() => {
  fleet = createSimFleet();
});
afterEach(() => fleet.cleanUp());

const BROKEN = 'host: east, template: web, imageTag: "not a tag"';

describe('what is broken when the daemon starts', () => {
  const HELD = 'Ready=True:Converged Stalled=True:DesiredStateInvalid';

  it('is held and healed at its last good state, as it was before the restart', async () => {
    fleet.instance('acme');
    fleet.instance('birch', 'host: west, template: web, imageTag: v3');
    await fleet.start();
    fleet.instance('acme', BROKEN);
    await fleet.push();
    fleet.instance('birch', 'host: west, template: web, imageTag: v4');
    await fleet.push();
    await fleet.stop();
    await fleet.start();
    expect(await fleet.conditions('acme')).toBe(HELD);
    fleet.host('east').edit('acme', 'docker-compose.yml');
    await fleet.push();
    expect(fleet.host('east').applies).toEqual(['acme v1', 'acme v1']);
    expect(fleet.host('west').applies).toEqual(['birch v3', 'birch v4']);
    expect(await fleet.conditions('acme')).toBe(HELD);
    fleet.instance('acme', 'host: east, template: web, imageTag: v2');
    await fleet.push();
    expect(fleet.host('east').tagOf('acme')).toBe('v2');
    expect(await fleet.conditions('acme')).toBe('Ready=True:Converged');
  });

  it('is healed at what it was when its template was in order', async () => {
    fleet.instance('acme');
    await fleet.start();
    await fleet.stop();
    fleet.template('services: {{nothing}}');
    fleet.host('east').kill('acme');
    await fleet.start();
    expect(fleet.host('east').applies).toEqual(['acme v1', 'acme v1']);
    expect(await fleet.conditions('acme')).toContain('Stalled=True:DesiredStateInvalid');
  });

  it('says of an instance that was never in order that it is left, and brings it up once it is', async () => {
    fleet.instance('acme', BROKEN);
    await fleet.start();
    const { conditions } = (await fleet.status('acme')) ?? { conditions: [] };
    expect(conditions.at(-1)?.message).toMatch(/^left as it is until its desired state is in order: /);
    expect(await fleet.conditions('acme')).toBe('Ready=False:DesiredStateInvalid Stalled=True:DesiredStateInvalid');
    fleet.instance('acme');
    await fleet.push();
    expect(await fleet.conditions('acme')).toBe('Ready=True:Converged');
  });

  it('keeps an instance that a refused revision would take away, and one that it would change', async () => {
    for (const slug of ['acme', 'birch', 'cedar', 'dune']) fleet.instance(slug);
    await fleet.start();
    await fleet.stop();
    for (const slug of ['birch', 'cedar', 'dune']) fleet.write(`${slug}.yaml`, null);
    fleet.instance('acme', 'host: east, template: web, imageTag: v2');
    fleet.host('east').kill('acme');
    fleet.host('east').kill('birch');
    await fleet.start();
    expect(fleet.host('east').applies.slice(4).sort()).toEqual(['acme v1', 'birch v1']);
    expect(await fleet.conditions('birch')).toBe('Ready=True:Converged');
  });
});

describe('a source that cannot be read when the daemon starts', () => {
  beforeEach(async () => {
    for (const slug of ['acme', 'birch', 'cedar']) fleet.instance(slug);
    fleet.instance('birch', 'host: west, template: web, imageTag: v2');
    await fleet.start();
    await fleet.stop();
    fleet.vanish(true);
  });

  it('is no reason to leave the fleet alone: it is kept as it was', async () => {
    fleet.host('east').kill('acme');
    const daemon = await fleet.start();
    await fleet.clock.advance(5_000);
    expect(daemon.reasons()).toEqual([expect.stringContaining('cannot read the directory')]);
    fleet.host('west').edit('birch', 'docker-compose.yml');
    await fleet.push();
    expect(fleet.host('east').applies.slice(2)).toEqual(['acme v1']);
    expect(fleet.host('west').applies.slice(1)).toEqual(['birch v2']);
    expect(await fleet.conditions('birch')).toBe('Ready=True:Converged');
    fleet.vanish(false);
    fleet.instance('birch', 'host: west, template: web, imageTag: v3');
    await fleet.push();
    expect(daemon.reasons()).toEqual([]);
    expect(fleet.host('west').applies.slice(2)).toEqual(['birch v3']);
  });

  it('leaves what was held as stalled', async () => {
    fleet.vanish(false);
    fleet.instance('acme', BROKEN);
    fleet.instance('dune', BROKEN);
    await fleet.start();
    const before = [await fleet.status('acme'), await fleet.status('dune')];
    await fleet.stop();
    fleet.vanish(true);
    await fleet.start();
    await fleet.clock.advance(5_000);
    fleet.host('east').kill('acme');
    await fleet.clock.advance(5_000);
    expect(fleet.host('east').isRunning('acme')).toBe(true);
    const after = [await fleet.status('acme'), await fleet.status('dune')];
    const stalled = (status: (typeof after)[0]) => status?.conditions.find(({ type }) => type === 'Stalled');
    expect(after.map(stalled)).toEqual(before.map(stalled));
    expect(after.map((status) => stalled(status)?.reason)).toEqual(['DesiredStateInvalid', 'DesiredStateInvalid']);
  });

  it('changes no status when the daemon stops while it looks for what was', async () => {
    const before = await fleet.history.statuses();
    fleet.delayPast();
    await fleet.start();
    await fleet.clock.advance(5_000);
    await fleet.stop();
    expect(await fleet.history.statuses()).toEqual(before);
  });

  it('is said of each instance where it has no past, until it can be read', async () => {
    fleet.forgetPast();
    await fleet.start();
    await fleet.clock.advance(5_000);
    expect(await fleet.conditions('acme')).toBe('Ready=Unknown:NotLookedAt');
    fleet.vanish(false);
    await fleet.push();
    expect(await fleet.conditions('acme')).toMatch(/^Ready=True/);
    expect(fleet.host('east').applies).toHaveLength(2);
  });
});
