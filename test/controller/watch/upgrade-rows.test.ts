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
