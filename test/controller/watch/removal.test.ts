import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toldBefore } from '../../../src/controller/watch/told-before.js';
import { createChangeFilter } from '../../../src/notify/change-filter.js';
import { createSimFleet, type SimFleet } from '../../support/sim/sim-fleet.js';

const ANN = 'Ann Example <ann@example.org>';
const DOWN = 'host: east, template: web, imageTag: v1, deletionPolicy: Down';

let fleet: SimFleet;
beforeEach(async () => {
  fleet = createSimFleet();
  for (const slug of ['birch', 'cedar']) fleet.instance(slug);
  fleet.instance('acme', DOWN);
  await fleet.start();
  fleet.notices.length = 0;
  fleet.counted.length = 0;
});
afterEach(() => fleet.cleanUp());

/** A manifest that is back within this time was only moved. */
const PATIENCE_MS = 10_000;

async function remove(): Promise<void> {
  fleet.commitAs(ANN);
  fleet.write('acme.yaml', null);
  await fleet.push();
  await fleet.clock.advance(PATIENCE_MS);
}

/** Each as people get it: `TakenDown info`. */
function told(filter = createChangeFilter()): string[] {
  const about = fleet.notices.filter(({ slug }) => slug === 'acme');
  return about.filter((notice) => filter.isChange(notice)).map(({ kind, severity }) => `${kind} ${severity}`);
}

/** What was told of instances, before it is known whether it is new. */
const notices = () => fleet.notices.filter(({ slug }) => slug !== null);

const rows = () => fleet.history.upgrades({ slug: 'acme', limit: 10 });
const results = async () => (await rows()).map(({ result, error }) => `${result} ${error?.code ?? '-'}`);

describe('an instance that is taken down', () => {
  it('is a row of the history, and one notice, by whoever removed its manifest', async () => {
    await remove();
    const revision = (await fleet.history.accepted())?.revision;
    expect((await rows())[0]).toEqual({
      id: expect.any(String),
      slug: 'acme',
      host: 'east',
      fleet: null,
      revision,
      author: ANN,
      fromImageTag: 'v1',
      toImageTag: 'v1',
      cause: 'its manifest was removed',
      plan: {
        files: [],
        containers: [{ service: 'web', action: 'remove', cause: 'its manifest was removed' }],
        operations: [{ kind: 'down', cause: 'its manifest was removed' }],
      },
      phases: [{ phase: 'remove', durationMs: 1 }],
      result: 'converged',
      error: null,
      log: ['lock', 'remove'],
      startedAt: fleet.clock.now().toISOString(),
      finishedAt: fleet.clock.now().toISOString(),
    });
    expect(fleet.counted).toEqual(['converged other']);
    expect(notices()).toEqual([
      {
        kind: 'TakenDown',
        severity: 'info',
        slug: 'acme',
        host: 'east',
        fleet: null,
        revision,
        author: ANN,
        fromImageTag: 'v1',
        toImageTag: null,
        reason: 'TakenDown',
        message: 'its manifest was removed: its containers are gone, its files and volumes stay',
        at: fleet.clock.now().toISOString(),
      },
    ]);
  });

  it('is told of where nothing of it ran, too, and is no row', async () => {
    fleet.instance('dune', `${DOWN}, suspend: true`);
    await fleet.push();
    fleet.write('dune.yaml', null);
    await fleet.push();
    await fleet.clock.advance(PATIENCE_MS);
    expect(notices().map(({ slug, kind }) => `${slug} ${kind}`)).toEqual(['dune TakenDown']);
    expect(await fleet.history.upgrades({ slug: 'dune', limit: 5 })).toEqual([]);
  });

  it('is told of again when it came back, and is removed once more', async () => {
    await remove();
    fleet.instance('acme', DOWN);
    await fleet.push();
    await remove();
    expect(told()).toEqual(['TakenDown info', 'UpgradeSucceeded info', 'TakenDown info']);
    expect(await results()).toEqual(['converged -', 'converged -', 'converged -', 'converged -']);
  });
});

describe('a removal that fails', () => {
  it('is a row each time, and told once, however often and with whatever revision it is tried again', async () => {
    fleet.host('east').fail('acme', { code: 'VerifyFailed', phase: 'remove' });
    await remove();
    await fleet.clock.advance(20_000);
    fleet.instance('dune');
    await fleet.push();
    await fleet.clock.advance(60_000);
    const failures = (await results()).filter((each) => each === 'failed VerifyFailed').length;
    expect(failures).toBeGreaterThan(3);
    expect((await rows())[0]).toMatchObject({ error: { phase: 'remove' }, phases: [{}, { phase: 'remove' }] });
    expect(fleet.counted.filter((each) => each === 'failed other').length).toBe(failures);
    fleet.host('east').fail('acme', null);
    await fleet.clock.advance(5 * 60_000);
    expect(fleet.host('east').isRunning('acme')).toBe(false);
    expect((await results())[0]).toBe('converged -');
    expect(told()).toEqual(['TakeDownFailed warning', 'TakenDown info']);
  });

  it('is not told again after a restart', async () => {
    fleet.host('east').fail('acme', { code: 'VerifyFailed', phase: 'remove' });
    await remove();
    await fleet.stop();
    const filter = createChangeFilter();
    for (const status of await fleet.history.statuses())
      for (const notice of toldBefore(status)) filter.isChange(notice);
    fleet.notices.length = 0;
    await fleet.start();
    await fleet.clock.advance(20_000);
    expect(notices().map(({ kind }) => kind)).toContain('TakeDownFailed');
    expect(told(filter)).toEqual([]);
  });

  it('because its host is gone is no notice: metrics tell of the host', async () => {
    fleet.host('east').setReachable(false);
    await remove();
    await fleet.clock.advance(60_000);
    expect(notices()).toEqual([]);
    fleet.host('east').setReachable(true);
    await fleet.clock.advance(5 * 60_000);
    expect(told()).toEqual(['TakenDown info']);
  });

  it('because somebody else has the lock is interrupted, and no notice', async () => {
    fleet.host('east').fail('acme', { code: 'Locked', phase: 'lock' });
    await remove();
    expect(await results()).toEqual(['interrupted Locked', 'converged -']);
    expect(fleet.counted).toEqual(['interrupted other']);
    expect(notices()).toEqual([]);
  });

  it('because the manifest of its host is gone, too, needs a person', async () => {
    fleet.instance('dune', 'host: west, template: web, imageTag: v1, deletionPolicy: Down');
    await fleet.push();
    fleet.notices.length = 0;
    fleet.write('dune.yaml', null);
    fleet.write('host-west.yaml', null);
    await fleet.push();
    await fleet.clock.advance(PATIENCE_MS);
    expect(notices()).toMatchObject([
      { kind: 'TakeDownFailed', severity: 'error', slug: 'dune', host: 'west', reason: 'HostRemoved' },
    ]);
  });
});

describe('a removal', () => {
  const running = () => fleet.host('east').isRunning('acme');

  it('waits, whatever happens to the instance meanwhile', async () => {
    fleet.host('east').kill('acme');
    fleet.write('acme.yaml', null);
    await fleet.push();
    for (let seconds = 0; seconds < 9; seconds += 1) {
      fleet.host('east').revive('acme');
      fleet.host('east').edit('acme', 'docker-compose.yml');
      fleet.host('east').tellDeath('acme');
      await fleet.clock.advance(1_000);
    }
    expect(running()).toBe(true);
    await fleet.clock.advance(2_000);
    expect(running()).toBe(false);
  });

  it('waits after a start, too, for one that an earlier process began as for one that it finds', async () => {
    fleet.write('acme.yaml', null);
    await fleet.push();
    await fleet.stop();
    await fleet.start();
    await fleet.clock.advance(9_000);
    expect(running()).toBe(true);
    await fleet.clock.advance(2_000);
    expect(running()).toBe(false);
    fleet.instance('acme', DOWN);
    await fleet.push();
    await fleet.stop();
    fleet.write('acme.yaml', null);
    await fleet.start();
    await fleet.clock.advance(9_000);
    expect(running()).toBe(true);
    await fleet.clock.advance(2_000);
    expect(running()).toBe(false);
  });

  it('is not forgotten while desired state cannot be read after a start', async () => {
    fleet.write('acme.yaml', null);
    await fleet.push();
    await fleet.stop();
    fleet.vanish(true);
    await fleet.start();
    await fleet.clock.advance(60_000);
    fleet.host('east').kill('acme');
    fleet.host('east').revive('acme');
    await fleet.clock.advance(60_000);
    expect(running()).toBe(true);
    fleet.vanish(false);
    await fleet.push();
    await fleet.clock.advance(60_000);
    expect(running()).toBe(false);
    expect(notices().map(({ kind }) => kind)).toEqual(['TakenDown']);
  });

  it('waits for the manifest of its host to be mended', async () => {
    fleet.instance('dune', 'host: west, template: web, imageTag: v1, deletionPolicy: Down');
    await fleet.push();
    fleet.notices.length = 0;
    fleet.write('dune.yaml', null);
    await fleet.push();
    const file = 'host-west.yaml';
    const good = fleet.read(file);
    fleet.write(file, good.replace('agent:', 'agnet:'));
    await fleet.push();
    await fleet.clock.advance(3_600_000);
    expect(fleet.host('west').isRunning('dune')).toBe(true);
    expect(notices()).toEqual([]);
    expect(await fleet.conditions('dune')).toContain('Ready=False:RemovalHeld');
    fleet.write(file, good);
    await fleet.push();
    await fleet.clock.advance(60_000);
    expect(fleet.host('west').isRunning('dune')).toBe(false);
  });

  it.each(['HostUnreachable', 'PeerRefused', 'TimedOut', 'AnswerInvalid'] as const)(
    'that fails with %s is no notice: there is one of its host',
    async (code) => {
      fleet.host('east').fail('acme', { code, phase: 'lock' });
      await remove();
      await fleet.clock.advance(60_000);
      expect(notices()).toEqual([]);
    },
  );
});
