import { describe, expect, it } from 'vitest';
import type { Pass } from '../../../src/controller/watch/instance-pass.js';
import { tell } from '../../../src/controller/watch/teller.js';
import { ERROR_CODES, type ErrorCode } from '../../../src/errors.js';
import type { Gate, Plan } from '../../../src/plan/plan.js';
import { emptyPlan, upgradePlan } from '../../support/report-fixtures.js';

function pass(item: Partial<Pass['item']>, over: Partial<Pass> = {}): Pass {
  const rest = { slug: 'acme', host: 'east', fleet: null, imageTag: 'v2', plan: null, diffs: [], error: null };
  return {
    item: { ...rest, result: 'failed', applied: null, ...item },
    terminal: false,
    record: null,
    rolledBack: false,
    observed: null,
    ...over,
  };
}

const failed = (code: ErrorCode, plan: Plan | null, over: Partial<Pass> = {}) =>
  tell(
    pass(
      { plan, error: { code, message: 'what happened', hint: null, phase: null, problems: [] } },
      { terminal: ERROR_CODES[code].terminal, ...over },
    ),
  );
const waiting = (gate: Gate, plan: Partial<Plan> = {}) =>
  tell(pass({ result: 'waiting', plan: emptyPlan({ ...plan, gate }) }));
const gateOf = (reason: Gate['reason'], blocked: boolean): Gate => ({ reason, message: 'why', blocked });

const EDITED: Partial<Plan> = {
  files: [
    { path: 'a.conf', status: 'modified', cause: 'drift', reason: 'drift (edited on the host)', sensitive: false },
  ],
};

/** `decision type and reason / notice kind and severity`. */
const short = ({ decision, notice }: ReturnType<typeof tell>) =>
  `${decision ? `${decision.type} ${decision.reason}` : '-'} / ${notice ? `${notice.kind} ${notice.severity}` : '-'}`;

describe('what is said of an instance', () => {
  it('in order', () => {
    expect(short(tell(pass({ result: 'inSync' })))).toBe('Normal InSync / Recovered info');
  });

  it('brought to another tag: an upgrade, with its cause, even where drift was mended by it', () => {
    const told = tell(pass({ result: 'converged', plan: upgradePlan() }));
    expect(short(told)).toBe('Normal Converged / UpgradeSucceeded info');
    expect(told.decision?.message).toBe('applied and verified: update v2.4.0 -> v2.4.1');
  });

  it('brought back: healed, with what had been changed', () => {
    const told = tell(pass({ result: 'converged', plan: emptyPlan(EDITED) }));
    expect(short(told)).toBe('Normal Healed / DriftDetected info');
    expect(told.notice?.message).toBe('healed: a.conf: drift (edited on the host)');
  });

  it('whose drift is only reported: what has been changed', () => {
    const told = waiting(gateOf('DriftReported', false), EDITED);
    expect(short(told)).toBe('Warning DriftReported / DriftDetected warning');
    expect(told.decision?.message).toBe('a.conf: drift (edited on the host)');
  });

  it.each([
    ['Suspended', false, 'Normal Suspended / -'],
    ['Locked', false, 'Normal Locked / -'],
    ['OutsideWindow', false, 'Normal OutsideWindow / -'],
    ['RolledBack', true, 'Warning RolledBack / -'],
    ['EnvCoverageBlocked', true, 'Warning EnvCoverageBlocked / UpgradeFailed error'],
  ] as const)('behind the gate %s', (reason, blocked, said) => {
    expect(short(waiting(gateOf(reason, blocked)))).toBe(said);
  });
});

describe('what is said of a failure', () => {
  it.each([
    ['that is tried again', failed('ImageNotFound', emptyPlan()), 'Warning ImageNotFound / UpgradeFailed warning'],
    ['that only new desired state helps', failed('ComposeInvalid', null), 'Warning ComposeInvalid / Stalled error'],
    [
      'after which it went back',
      failed('VerifyFailed', emptyPlan(), { rolledBack: true }),
      'Warning RolledBack / RolledBack error',
    ],
    ['to reach its host: no notice each', failed('HostUnreachable', null), 'Warning HostUnreachable / -'],
    ['that gave way to newer desired state', failed('Superseded', emptyPlan()), 'Normal Superseded / -'],
    ['because the daemon stops: nothing', failed('Cancelled', emptyPlan()), '- / -'],
  ])('%s', (_, told, said) => {
    expect(short(told)).toBe(said);
  });

  it('is the same for the same pass, so that it can be said once', () => {
    expect(failed('ImageNotFound', emptyPlan())).toEqual(failed('ImageNotFound', emptyPlan()));
  });
});
