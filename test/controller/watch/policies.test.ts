import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { COMPOSE, createSimFleet, type SimFleet } from '../../support/sim/sim-fleet.js';

let fleet: SimFleet;
beforeEach(() => {
  fleet = createSimFleet();
});
afterEach(() => fleet.cleanUp());

describe('policies', () => {
  it('leaves a suspended instance alone, and resumes it', async () => {
    fleet.instance('acme', 'host: east, template: web, imageTag: v1, suspend: true');
    await fleet.start();
    expect(fleet.host('east').applies).toEqual([]);
    expect(await fleet.conditions('acme')).toContain('Ready=False:Suspended');
    fleet.instance('acme');
    await fleet.push();
    expect(fleet.host('east').applies).toEqual(['acme v1']);
  });

  it('holds updates until their window opens, and heals drift at any time', async () => {
    const spec = (tag: string) =>
      `host: east, template: web, imageTag: ${tag}, maintenance: { allow: [{ cron: "0 22 * * *", duration: 2h }] }`;
    fleet.instance('acme');
    await fleet.start();
    fleet.instance('acme', spec('v1'));
    await fleet.push();
    fleet.host('east').kill('acme');
    await fleet.push();
    expect(fleet.host('east').applies).toEqual(['acme v1', 'acme v1']);
    fleet.instance('acme', spec('v2'));
    await fleet.push();
    expect(await fleet.conditions('acme')).toContain('Ready=False:OutsideWindow');
    await fleet.clock.advance(11 * 3_600_000);
    expect(fleet.host('east').tagOf('acme')).toBe('v1');
    await fleet.clock.advance(2 * 3_600_000);
    expect(fleet.host('east').tagOf('acme')).toBe('v2');
  });

  it('leaves what runs of a removed instance alone, or takes it down where that was asked for', async () => {
    for (const slug of ['acme', 'birch', 'cedar', 'dune']) fleet.instance(slug);
    fleet.instance('birch', 'host: east, template: web, imageTag: v1, deletionPolicy: Down');
    await fleet.start();
    fleet.write('acme.yaml', null);
    fleet.write('birch.yaml', null);
    await fleet.push();
    await fleet.clock.advance(15_000);
    expect(fleet.host('east').isRunning('acme')).toBe(true);
    expect(fleet.host('east').isRunning('birch')).toBe(false);
    expect((await fleet.history.statuses()).map(({ slug }) => slug)).toEqual(['cedar', 'dune']);
    expect((await fleet.reasons('acme')).at(-1)).toBe('Orphaned');
    expect((await fleet.reasons('birch')).at(-1)).toBe('TakenDown');
  });

  it('refuses a source that loses most of its instances until somebody confirms it, also after a restart', async () => {
    for (const slug of ['acme', 'birch', 'cedar'])
      fleet.instance(slug, 'host: east, template: web, imageTag: v1, deletionPolicy: Down');
    await fleet.start();
    const { revision } = (await fleet.history.accepted()) ?? { revision: '' };
    for (const slug of ['acme', 'birch']) fleet.write(`${slug}.yaml`, null);
    await fleet.push();
    expect(fleet.host('east').isRunning('acme')).toBe(true);
    expect((await fleet.reasons(null)).at(-1)).toBe('SourceRefused');
    await fleet.stop();
    await fleet.start();
    expect(fleet.host('east').isRunning('acme')).toBe(true);
    expect((await fleet.history.accepted())?.revision).toBe(revision);
    const refused = fleet.notices.findLast(({ kind }) => kind === 'SourceRefused')?.revision ?? '';
    fleet.confirm(refused);
    await fleet.clock.advance(5_000);
    await fleet.clock.advance(15_000);
    expect(fleet.host('east').isRunning('acme')).toBe(false);
    expect((await fleet.history.statuses()).map(({ slug }) => slug)).toEqual(['cedar']);
  });
});

describe('broken desired state', () => {
  it('holds only what depends on it, at its last good state, and still heals that', async () => {
    fleet.instance('acme');
    fleet.instance('birch');
    await fleet.start();
    fleet.write(
      'acme.yaml',
      'apiVersion: flotilla.dev/v1\nkind: Instance\nmetadata: { name: acme }\nspec: { host: east, template: web, imageTag: "not a tag" }\n',
    );
    fleet.instance('birch', 'host: east, template: web, imageTag: v2');
    await fleet.push();
    expect(fleet.host('east').tagOf('birch')).toBe('v2');
    expect(await fleet.conditions('acme')).toBe('Ready=True:Converged Stalled=True:DesiredStateInvalid');
    fleet.host('east').kill('acme');
    await fleet.push();
    expect(fleet.host('east').isRunning('acme')).toBe(true);
    fleet.instance('acme', 'host: east, template: web, imageTag: v3');
    await fleet.push();
    expect(fleet.host('east').tagOf('acme')).toBe('v3');
    expect(await fleet.conditions('acme')).toBe('Ready=True:Converged');
  });

  it('holds the instances of a broken template, and releases them as it is mended', async () => {
    fleet.instance('acme');
    await fleet.start();
    fleet.template('services: {{unknown}}\n');
    await fleet.push();
    expect(await fleet.conditions('acme')).toContain('Stalled=True:DesiredStateInvalid');
    fleet.template(COMPOSE);
    await fleet.push();
    expect(await fleet.conditions('acme')).toBe('Ready=True:Converged');
    expect(fleet.host('east').applies).toEqual(['acme v1']);
  });

  it('removes nothing for a file that cannot be read', async () => {
    for (const slug of ['acme', 'birch', 'cedar'])
      fleet.instance(slug, 'host: east, template: web, imageTag: v1, deletionPolicy: Down');
    await fleet.start();
    fleet.write('acme.yaml', 'apiVersion: [unclosed\n');
    await fleet.push();
    expect(fleet.host('east').isRunning('acme')).toBe(true);
    expect(await fleet.conditions('acme')).toContain('Stalled=True:DesiredStateInvalid');
  });
});
