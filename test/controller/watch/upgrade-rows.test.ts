import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSimFleet, type SimFleet } from '../../support/sim/sim-fleet.js';

let fleet: SimFleet;
beforeEach(() => {
  fleet = createSimFleet();
});
afterEach(() => fleet.cleanUp());

const onEast = (tag: string) => `host: east, template: web, imageTag: ${tag}`;

/** The newest upgrade that was written of it: `v2 failed: lock 0, pull 42000`. */
async function newest(slug: string): Promise<string> {
  const [row] = await fleet.history.upgrades({ slug, limit: 1 });
  const phases = row?.phases.map(({ phase, durationMs }) => `${phase} ${durationMs}`).join(', ');
  return `${row?.toImageTag} ${row?.result}: ${phases}`;
}

/** Has an apply of `v2` wait for health for so long. */
async function upgradeFor(ms: number, spec = onEast('v2')): Promise<void> {
  fleet.host('east').hang('acme', true);
  fleet.instance('acme', spec);
  await fleet.push();
  await fleet.clock.advance(ms);
}

describe('how long the phases of an upgrade took', () => {
  it('is as its host measured it where it succeeded', async () => {
    fleet.instance('acme');
    await fleet.start();
    await upgradeFor(42_000);
    fleet.host('east').hang('acme', false);
    await fleet.push();
    expect(await newest('acme')).toBe('v2 converged: up 1');
  });

  it('is known of one that failed', async () => {
    fleet.instance('acme');
    await fleet.start();
    fleet.host('east').fail('acme', { code: 'VerifyFailed', phase: 'verify' });
    await upgradeFor(42_000);
    fleet.host('east').hang('acme', false);
    await fleet.clock.advance(0);
    expect(await newest('acme')).toBe('v2 failed: lock 0, pull 0, up 0, verify 42000');
  });

  it('is known of one that gave way to a newer revision', async () => {
    fleet.instance('acme');
    await fleet.start();
    await upgradeFor(17_000);
    fleet.instance('acme', onEast('v3'));
    await fleet.push();
    const rows = await fleet.history.upgrades({ slug: 'acme', limit: 5 });
    expect(rows.find(({ result }) => result === 'superseded')).toMatchObject({
      toImageTag: 'v2',
      phases: [
        { phase: 'lock', durationMs: 0 },
        { phase: 'pull', durationMs: 0 },
        { phase: 'up', durationMs: 0 },
        { phase: 'verify', durationMs: 17_000 },
      ],
    });
    fleet.host('east').hang('acme', false);
  });

  it('is known of one that was rolled back, and of the rollback', async () => {
    const rollback = ', rollback: OnFailure';
    fleet.instance('acme', onEast('v1') + rollback);
    await fleet.start();
    fleet.host('east').fail('acme', { code: 'VerifyFailed', phase: 'verify' });
    await upgradeFor(5_000, onEast('v2') + rollback);
    // A wall clock that jumps makes no phase longer.
    fleet.clock.jump(3_600_000);
    fleet.host('east').hang('acme', false);
    await fleet.clock.advance(0);
    expect(await newest('acme')).toBe(
      'v2 rolledBack: lock 0, pull 0, up 0, verify 5000, lock 0, pull 0, up 0, verify 0',
    );
  });
});

describe('an upgrade that comes to nothing', () => {
  it('because somebody else took the lock: interrupted, with the reason, and counted as that', async () => {
    fleet.instance('acme');
    await fleet.start();
    fleet.host('east').onInspect(async () => fleet.host('east').lock('acme', true));
    fleet.instance('acme', onEast('v2'));
    await fleet.push();
    expect((await fleet.history.upgrades({ slug: 'acme', limit: 1 }))[0]).toMatchObject({
      toImageTag: 'v2',
      result: 'interrupted',
      error: {
        code: 'Locked',
        message: 'nothing was changed: another upgrade of it is running: flotilla apply (pid 7)',
        phase: 'lock',
      },
      finishedAt: fleet.clock.now().toISOString(),
    });
    expect(fleet.counted).toEqual(['converged update', 'interrupted update']);
    expect(await fleet.conditions('acme')).toContain('Ready=False:Locked');
    expect(fleet.notices.filter(({ kind }) => kind === 'UpgradeFailed')).toEqual([]);
    fleet.host('east').lock('acme', false);
    await fleet.clock.advance(10_000);
    expect(await newest('acme')).toBe('v2 converged: up 1');
    expect(fleet.counted.slice(2)).toEqual(['converged update']);
  });

  it('because the host changed, and had what is desired when it was looked at again: interrupted, too', async () => {
    fleet.instance('acme');
    await fleet.start();
    const host = fleet.host('east');
    host.onInspect(async () => {
      host.revive('acme');
      host.fail('acme', { code: 'PlanStale', phase: 'lock' });
    });
    host.kill('acme');
    await fleet.push();
    expect((await fleet.history.upgrades({ slug: 'acme', limit: 1 }))[0]).toMatchObject({
      result: 'interrupted',
      error: {
        code: 'PlanStale',
        message: 'nothing was changed: the host was changed meanwhile, and has what is desired',
      },
    });
    expect(fleet.counted).toEqual(['converged update', 'interrupted drift']);
    expect(await fleet.conditions('acme')).toContain('Ready=True');
  });

  it('because its host is gone when it is looked at again: failed, and counted as that', async () => {
    fleet.instance('acme');
    await fleet.start();
    const host = fleet.host('east');
    host.fail('acme', { code: 'PlanStale', phase: 'lock' });
    host.onInspect(async () => host.onInspect(async () => host.setReachable(false)));
    fleet.instance('acme', onEast('v2'));
    await fleet.push();
    expect((await fleet.history.upgrades({ slug: 'acme', limit: 1 }))[0]).toMatchObject({
      result: 'failed',
      error: { code: 'HostUnreachable' },
    });
    expect(fleet.counted).toEqual(['converged update', 'failed update']);
  });

  it('because the daemon stops: the row and the metric say the same', async () => {
    fleet.instance('acme');
    fleet.host('east').hang('acme', true);
    await fleet.start();
    const stopped = fleet.stop();
    await fleet.clock.advance(2_000);
    await stopped;
    expect(await newest('acme')).toMatch(/^v1 interrupted/);
    expect(fleet.counted).toEqual(['interrupted update']);
  });
});

describe('who committed what an instance is to be', () => {
  const ANN = 'Ann Example <ann@example.org>';

  it('is told of the retry after a restart, whoever has committed something else meanwhile', async () => {
    fleet.instance('birch');
    fleet.instance('acme');
    await fleet.start();
    fleet.host('east').fail('acme', { code: 'ImageNotFound', phase: 'pull' });
    fleet.commitAs(ANN);
    fleet.instance('acme', onEast('v2'));
    await fleet.push();
    await fleet.stop();
    fleet.notices.length = 0;
    fleet.commitAs('Bob Example <bob@example.org>');
    fleet.instance('birch', onEast('v2'));
    await fleet.start();
    const failed = fleet.notices.find(({ kind, slug }) => kind === 'UpgradeFailed' && slug === 'acme');
    expect(failed).toMatchObject({ author: ANN, toImageTag: 'v2' });
    expect((await fleet.history.upgrades({ slug: 'acme', limit: 1 }))[0]).toMatchObject({
      author: ANN,
      toImageTag: 'v2',
      result: 'failed',
    });
    expect(await fleet.status('acme')).toMatchObject({ desiredAuthor: ANN });
    expect(await fleet.status('birch')).toMatchObject({ desiredAuthor: 'Bob Example <bob@example.org>' });
  });

  it('is kept by an instance that another commit leaves as it is', async () => {
    fleet.commitAs(ANN);
    fleet.instance('acme');
    await fleet.start();
    fleet.commitAs('Bob Example <bob@example.org>');
    fleet.instance('birch');
    await fleet.push();
    fleet.host('east').kill('acme');
    await fleet.push();
    const rows = await fleet.history.upgrades({ slug: 'acme', limit: 5 });
    expect(rows.map(({ author }) => author)).toEqual([ANN, ANN]);
  });
});
