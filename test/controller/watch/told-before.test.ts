import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toldBefore } from '../../../src/controller/watch/told-before.js';
import type { Condition, InstanceStatus } from '../../../src/history/instance-status.js';
import { createChangeFilter } from '../../../src/notify/change-filter.js';
import type { Notice } from '../../../src/notify/notifier.js';
import { statusOf } from '../../support/history-fixtures.js';
import { createSimFleet, type SimFleet } from '../../support/sim/sim-fleet.js';
import type { SimHost } from '../../support/sim/sim-host.js';

const AT = '2026-03-02T10:00:00.000Z';

/** `Ready=False:VerifyFailed`, as tests of the loop show conditions. */
function condition(text: string): Condition {
  const [, type, status, reason] = /^(\w+)=(\w+):(\w+)$/.exec(text) as unknown as [string, ...string[]];
  return { type, status, reason, message: 'why', lastTransitionTime: AT } as Condition;
}

/** Kind and reason of what people were told, as far as a status with these conditions shows it. */
function told(conditions: string, part: Partial<InstanceStatus> = {}): string[] {
  const status = statusOf('acme', {
    attemptedRevision: 'r1',
    ...part,
    conditions: conditions.split(' ').map(condition),
  });
  return toldBefore(status).map(({ kind, reason }) => `${kind} ${reason}`);
}

describe('of an instance, people were told before', () => {
  it.each([
    ['nothing where it is well', 'Ready=True:Converged', 0, []],
    ['nothing where it waits to be looked at', 'Ready=Unknown:Pending Reconciling=True:Pending', 0, []],
    ['nothing where it is suspended', 'Ready=False:Suspended Reconciling=False:Suspended', 0, []],
    ['nothing where it waits for a window', 'Ready=False:OutsideWindow Reconciling=False:OutsideWindow', 0, []],
    ['that it failed', 'Ready=False:VerifyFailed Reconciling=True:VerifyFailed', 3, ['UpgradeFailed VerifyFailed']],
    ['that it stalled', 'Ready=False:ComposeInvalid Stalled=True:ComposeInvalid', 0, ['Stalled ComposeInvalid']],
    ['that it went back', 'Ready=False:RolledBack Stalled=True:RolledBack', 0, ['RolledBack RolledBack']],
    [
      'that it drifted',
      'Ready=False:DriftReported Reconciling=False:DriftReported Drifted=True:FilesDrifted',
      0,
      ['DriftDetected DriftReported'],
    ],
    [
      'that variables are missing, though that is no failure of a try',
      'Ready=False:EnvCoverageBlocked Reconciling=False:EnvCoverageBlocked',
      0,
      ['UpgradeFailed EnvCoverageBlocked'],
    ],
    // What is wrong with desired state is told of the revision, not of each instance that it holds.
    ['nothing where it is held', 'Ready=True:Converged Stalled=True:DesiredStateInvalid', 0, []],
    [
      'of its own trouble where it is held',
      'Ready=False:EnvCoverageBlocked Reconciling=False:EnvCoverageBlocked Stalled=True:DesiredStateInvalid',
      0,
      ['UpgradeFailed EnvCoverageBlocked'],
    ],
  ])('%s', (_, conditions, failures, expected) => {
    expect(told(conditions, { failures })).toEqual(expected);
  });

  it('nothing of failures before anything was tried: those of a host that is gone are for metrics', () => {
    const conditions = 'Ready=Unknown:HostUnreachable Reconciling=True:HostUnreachable';
    expect(told(conditions, { failures: 3, attemptedRevision: null })).toEqual([]);
  });
});

describe('after a restart', () => {
  let fleet: SimFleet;
  beforeEach(() => {
    fleet = createSimFleet();
  });
  afterEach(() => fleet.cleanUp());

  const toldOf = (notices: readonly Notice[], filter = createChangeFilter()) =>
    notices.filter(filter.isChange).flatMap(({ kind, reason, slug }) => (slug === null ? [] : [`${kind} ${reason}`]));

  /** @returns what people were told since, by a filter that knows of the time before what the statuses show */
  async function restart(): Promise<() => string[]> {
    await fleet.stop();
    const before = (await fleet.history.statuses()).flatMap(toldBefore);
    const count = fleet.notices.length;
    await fleet.start();
    return () => {
      const filter = createChangeFilter();
      for (const notice of before) filter.isChange(notice);
      return toldOf(fleet.notices.slice(count), filter);
    };
  }

  it.each(['VerifyFailed', 'ComposeInvalid'] as const)('%s is not told again, and its end is', async (code) => {
    fleet.instance('acme');
    fleet.host('east').fail('acme', { code, phase: 'pull' });
    await fleet.start();
    expect(toldOf(fleet.notices)).toEqual([expect.stringContaining(code)]);
    const toldSince = await restart();
    await fleet.clock.advance(30 * 60_000);
    expect(toldSince()).toEqual([]);
    fleet.host('east').fail('acme', null);
    fleet.instance('acme', 'host: east, template: web, imageTag: v2');
    await fleet.push();
    expect(toldSince()).toEqual(['UpgradeSucceeded Converged']);
  });

  it('a variable that is still missing is not told again, and one that is missing after it was there is', async () => {
    const lacks = lackVariable(fleet.host('east'));
    fleet.instance('acme');
    await fleet.start();
    expect(toldOf(fleet.notices)).toEqual(['UpgradeFailed EnvCoverageBlocked']);
    const toldSince = await restart();
    await fleet.clock.advance(30 * 60_000);
    expect(await fleet.conditions('acme')).toContain('Ready=False:EnvCoverageBlocked');
    expect(toldSince()).toEqual([]);
    lacks(false);
    await fleet.clock.advance(2 * 60_000);
    lacks(true);
    fleet.host('east').edit('acme', 'docker-compose.yml');
    await fleet.clock.advance(60_000);
    expect(toldSince()).toEqual(['UpgradeSucceeded Converged', 'UpgradeFailed EnvCoverageBlocked']);
  });
});

/** Has the tenants of a host lack a variable, until what is returned is called with false. */
function lackVariable(host: SimHost): (lacking: boolean) => void {
  let isLacking = true;
  const { driver } = host;
  host.driver = () => {
    const real = driver();
    return {
      ...real,
      async inspect(request, options) {
        const seen = await real.inspect(request, options);
        return isLacking ? { ...seen, envCoverage: { ...seen.envCoverage, blocking: ['TOKEN'] } } : seen;
      },
    };
  };
  return (lacking) => {
    isLacking = lacking;
  };
}
