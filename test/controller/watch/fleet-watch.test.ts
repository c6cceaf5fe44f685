import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSimFleet, type SimFleet } from '../../support/sim/sim-fleet.js';

let fleet: SimFleet;
beforeEach(() => {
  fleet = createSimFleet();
});
afterEach(() => fleet.cleanUp());

describe('converging on desired state', () => {
  it('brings up what is new, and says so once', async () => {
    fleet.instance('acme');
    await fleet.start();
    expect(fleet.host('east').applies).toEqual(['acme v1']);
    expect(await fleet.conditions('acme')).toBe('Ready=True:Converged');
    expect(await fleet.reasons('acme')).toEqual(['Converged']);
    expect(fleet.notices.filter(({ slug }) => slug === 'acme').map(({ kind }) => kind)).toEqual(['UpgradeSucceeded']);
    const [upgrade] = await fleet.history.upgrades({ limit: 5 });
    expect(upgrade).toMatchObject({
      slug: 'acme',
      fromImageTag: null,
      toImageTag: 'v1',
      result: 'converged',
      cause: 'new',
    });
  });

  it('converges on a changed tag, and wakes no other instance', async () => {
    for (const slug of ['acme', 'birch', 'cedar']) fleet.instance(slug);
    await fleet.start();
    const before = fleet.host('east').observed();
    fleet.instance('birch', 'host: east, template: web, imageTag: v2');
    await fleet.push();
    expect(fleet.host('east').applies.slice(3)).toEqual(['birch v2']);
    // Once to plan, and once to see that nothing is left to do; nobody else was looked at.
    expect(fleet.host('east').observed() - before).toBeLessThanOrEqual(3);
    const statuses = await fleet.history.statuses();
    const revision = statuses.find(({ slug }) => slug === 'birch')?.appliedRevision;
    expect(statuses.filter(({ desiredRevision }) => desiredRevision === revision).map(({ slug }) => slug)).toEqual([
      'birch',
    ]);
  });

  it('wakes only those that render differently when a template changes', async () => {
    fleet.template('services:\n  web: { image: "web:{{imageTag}}"{{#values.extra}}, hostname: x{{/values.extra}} }\n');
    fleet.instance('acme', 'host: east, template: web, imageTag: v1, values: { extra: true }');
    fleet.instance('birch', 'host: west, template: web, imageTag: v1, values: { extra: false }');
    await fleet.start();
    fleet.template('services:\n  web: { image: "web:{{imageTag}}"{{#values.extra}}, hostname: y{{/values.extra}} }\n');
    await fleet.push();
    expect(fleet.host('east').applies).toEqual(['acme v1', 'acme v1']);
    expect(fleet.host('west').applies).toEqual(['birch v1']);
  });

  it('does no more at once than each host and all together may', async () => {
    for (let i = 0; i < 12; i += 1)
      fleet.instance(`t${i}`, `host: ${i % 2 ? 'east' : 'west'}, template: web, imageTag: v1`);
    await fleet.start({ concurrency: { total: 3, perHost: 2 } });
    expect(fleet.host('east').applies.length + fleet.host('west').applies.length).toBe(12);
    expect(fleet.host('east').mostAtOnce()).toBeLessThanOrEqual(2);
  });

  it('starts again where it was: what is in order is left alone, and what changed meanwhile is brought up', async () => {
    for (const slug of ['acme', 'birch']) fleet.instance(slug);
    await fleet.start();
    await fleet.stop();
    fleet.instance('birch', 'host: east, template: web, imageTag: v2');
    await fleet.start();
    expect(fleet.host('east').applies.slice(2)).toEqual(['birch v2']);
    expect(await fleet.conditions('acme')).toBe('Ready=True:Converged');
    for (const slug of ['acme', 'birch']) {
      const status = await fleet.status(slug);
      expect(status).toMatchObject({
        attemptedRevision: status?.desiredRevision,
        appliedRevision: status?.desiredRevision,
      });
    }
  });

  it('tries again after a restart what had failed before it', async () => {
    fleet.instance('acme');
    fleet.host('east').fail('acme', { code: 'ImageNotFound', phase: 'pull' });
    await fleet.start();
    await fleet.stop();
    fleet.host('east').fail('acme', null);
    await fleet.start();
    expect(await fleet.conditions('acme')).toBe('Ready=True:Converged');
  });

  it('does not begin to apply what is no longer desired', async () => {
    fleet.instance('acme');
    await fleet.start();
    fleet.host('east').onInspect(async () => {
      fleet.instance('acme', 'host: east, template: web, imageTag: v3');
      await fleet.look();
    });
    fleet.instance('acme', 'host: east, template: web, imageTag: v2');
    await fleet.push();
    expect(fleet.host('east').applies).toEqual(['acme v1', 'acme v3']);
  });

  it('looks at everything by the schedule, and mends what no event has told', async () => {
    fleet.instance('acme');
    const daemon = await fleet.start();
    const before = fleet.host('east').observed();
    await fleet.clock.advance(11 * 60_000);
    expect(fleet.host('east').observed()).toBeGreaterThan(before);
    expect(fleet.host('east').applies).toEqual(['acme v1']);
    expect(daemon.reasons()).toEqual([]);
  });
});

describe('drift', () => {
  it('heals an edited file and a dead container as they are told of', async () => {
    fleet.instance('acme');
    await fleet.start();
    fleet.host('east').edit('acme', 'docker-compose.yml');
    await fleet.push();
    fleet.host('east').kill('acme');
    await fleet.push();
    expect(fleet.host('east').applies).toEqual(['acme v1', 'acme v1', 'acme v1']);
    expect(fleet.host('east').isRunning('acme')).toBe(true);
    expect(await fleet.reasons('acme')).toEqual(['Converged', 'Healed', 'Healed']);
    expect(await fleet.conditions('acme')).toBe('Ready=True:Converged');
  });

  it.each([100, 400])('heals a dead container that the engine shows within %i ms of telling of it', async (ms) => {
    fleet.instance('acme');
    await fleet.start();
    const east = fleet.host('east');
    east.tellDeath('acme');
    await fleet.clock.advance(ms - 1);
    expect(east.applies).toEqual(['acme v1']);
    east.showDeath('acme');
    await fleet.clock.advance(1);
    expect(east.applies).toEqual(['acme v1', 'acme v1']);
    const looked = east.observed();
    await fleet.clock.advance(60_000);
    expect(east.observed() - looked).toBeLessThanOrEqual(2);
  });

  it('only reports it where the policy says so, and says so once', async () => {
    fleet.instance('acme', 'host: east, template: web, imageTag: v1, driftPolicy: Report');
    await fleet.start();
    fleet.host('east').kill('acme');
    await fleet.push();
    await fleet.clock.advance(25 * 60_000);
    expect(fleet.host('east').applies).toEqual(['acme v1']);
    expect(await fleet.conditions('acme')).toBe(
      'Ready=False:DriftReported Reconciling=False:DriftReported Drifted=True:ContainersDrifted',
    );
    expect(await fleet.reasons('acme')).toEqual(['Converged', 'DriftReported']);
  });

  it('stalls where the same plan is left over again and again, instead of going round', async () => {
    fleet.instance('acme');
    await fleet.start();
    fleet.host('east').undo('acme', true);
    fleet.host('east').kill('acme');
    await fleet.push();
    await fleet.clock.advance(3_600_000);
    expect(fleet.host('east').applies.length).toBe(3);
    expect(await fleet.conditions('acme')).toContain('Stalled=True:NoProgress');
    fleet.host('east').undo('acme', false);
    fleet.instance('acme', 'host: east, template: web, imageTag: v2');
    await fleet.push();
    expect(await fleet.conditions('acme')).toBe('Ready=True:Converged');
  });
});

describe('failures', () => {
  it('tries again after a wait that grows, keeps the desired tag, and tells people once', async () => {
    fleet.instance('acme');
    fleet.host('east').fail('acme', { code: 'ImageNotFound', phase: 'pull' });
    await fleet.start();
    await fleet.clock.advance(60_000);
    const tries = fleet.host('east').applies.length;
    expect(tries).toBeGreaterThan(3);
    expect(tries).toBeLessThan(10);
    expect(await fleet.status('acme')).toMatchObject({ imageTag: 'v1', appliedImageTag: null, appliedRevision: null });
    expect(fleet.notices.filter(({ kind }) => kind === 'UpgradeFailed').length).toBe(tries);
    fleet.host('east').fail('acme', null);
    await fleet.clock.advance(10 * 60_000);
    expect(await fleet.conditions('acme')).toBe('Ready=True:Converged');
    expect(await fleet.reasons('acme')).toEqual(['ImageNotFound', 'Converged']);
  });

  it('stalls at an error that only new desired state helps, and goes on with that', async () => {
    fleet.instance('acme');
    fleet.host('east').fail('acme', { code: 'ComposeInvalid', phase: 'pull' });
    await fleet.start();
    await fleet.clock.advance(3_600_000);
    expect(fleet.host('east').applies).toEqual(['acme v1']);
    expect(await fleet.conditions('acme')).toBe('Ready=False:ComposeInvalid Stalled=True:ComposeInvalid');
    fleet.host('east').fail('acme', null);
    fleet.instance('acme', 'host: east, template: web, imageTag: v2');
    await fleet.push();
    expect(await fleet.conditions('acme')).toBe('Ready=True:Converged');
  });

  it('goes back where the manifest says so, and holds the tag that failed until it changes', async () => {
    const spec = (tag: string) => `host: east, template: web, imageTag: ${tag}, rollback: OnFailure`;
    fleet.instance('acme', spec('v1'));
    await fleet.start();
    fleet.host('east').fail('acme', { code: 'VerifyFailed', phase: 'verify' });
    fleet.instance('acme', spec('v2'));
    await fleet.push();
    await fleet.clock.advance(3_600_000);
    expect(fleet.host('east').applies).toEqual(['acme v1', 'acme v2', 'acme v1']);
    expect(fleet.host('east').tagOf('acme')).toBe('v1');
    expect(await fleet.conditions('acme')).toContain('Stalled=True:RolledBack');
    expect((await fleet.history.upgrades({ slug: 'acme', limit: 1 }))[0]).toMatchObject({
      result: 'rolledBack',
      toImageTag: 'v2',
    });
    fleet.host('east').fail('acme', null);
    fleet.instance('acme', spec('v3'));
    await fleet.push();
    expect(fleet.host('east').tagOf('acme')).toBe('v3');
  });

  it('keeps the others going while one host does not answer, and catches up at once when it does', async () => {
    fleet.instance('acme');
    fleet.instance('birch', 'host: west, template: web, imageTag: v1');
    fleet.host('east').setReachable(false);
    await fleet.start();
    expect(fleet.host('west').applies).toEqual(['birch v1']);
    expect(await fleet.conditions('acme')).toContain('Ready=Unknown:HostUnreachable');
    await fleet.clock.advance(3_600_000);
    fleet.host('east').setReachable(true);
    await fleet.push();
    expect(await fleet.conditions('acme')).toBe('Ready=True:Converged');
  });

  it('lets a newer revision cut a wait for health short', async () => {
    fleet.instance('acme');
    await fleet.start();
    fleet.host('east').hang('acme', true);
    fleet.instance('acme', 'host: east, template: web, imageTag: v2');
    await fleet.push();
    expect(await fleet.conditions('acme')).toContain('Ready=False:Applying');
    fleet.instance('acme', 'host: east, template: web, imageTag: v3');
    const release = fleet.push();
    await release;
    fleet.host('east').hang('acme', false);
    await fleet.push();
    expect(fleet.host('east').tagOf('acme')).toBe('v3');
    const results = (await fleet.history.upgrades({ slug: 'acme', limit: 5 })).map(
      ({ toImageTag, result }) => `${toImageTag} ${result}`,
    );
    expect(results).toEqual(['v3 converged', 'v2 superseded', 'v1 converged']);
  });
});
