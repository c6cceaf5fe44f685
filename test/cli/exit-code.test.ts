import { describe, expect, it } from 'vitest';
import { exitCodeOf } from '../../src/cli/exit-code.js';
import type { ReconcileReport } from '../../src/controller/report.js';
import type { Gate } from '../../src/plan/plan.js';
import { emptyPlan, item, report, upgradePlan } from '../support/report-fixtures.js';

const gate = (blocked: boolean): Gate => ({ reason: blocked ? 'Locked' : 'Suspended', message: 'm', blocked });
const error = { code: 'UpFailed', message: 'm', hint: null, phase: 'up', problems: [] } as const;
const problem = { code: 'ManifestInvalid', message: 'm', file: 'f' } as const;

const inSync = item('a');
const changed = item('b', { result: 'changed', plan: upgradePlan() });
const converged = item('c', { result: 'converged', plan: upgradePlan() });
const suspended = item('d', { result: 'waiting', plan: upgradePlan({ gate: gate(false) }) });
const locked = item('e', { result: 'waiting', plan: upgradePlan({ gate: gate(true) }) });
const failed = item('f', { result: 'failed', plan: null, error });

describe('exit codes', () => {
  const cases: [string, ReconcileReport, plain: number, detailed: number][] = [
    ['nothing at all', report([]), 0, 0],
    ['all in sync', report([inSync]), 0, 0],
    ['a change is pending', report([inSync, changed]), 0, 2],
    ['a run has converged', report([converged], { dryRun: false }), 0, 0],
    ['a suspended instance has work', report([suspended]), 0, 2],
    [
      'a suspended instance has none',
      report([item('d', { result: 'waiting', plan: emptyPlan({ gate: gate(false) }) })]),
      0,
      0,
    ],
    ['an instance is blocked', report([locked]), 1, 1],
    ['an instance has failed', report([failed]), 1, 1],
    ['one failed, another is pending', report([changed, failed]), 1, 1],
    ['one is blocked, another is pending', report([changed, locked]), 1, 1],
    ['desired state has a problem', report([inSync], { problems: [problem] }), 1, 1],
    ['desired state has a problem, and a change is pending', report([changed], { problems: [problem] }), 1, 1],
    ['waiting without a plan to show', report([item('g', { result: 'waiting', plan: null })]), 1, 1],
  ];
  it.each(cases)('%s', (_title, given, plain, detailed) => {
    expect(exitCodeOf(given, { detailedExitcode: false })).toBe(plain);
    expect(exitCodeOf(given, { detailedExitcode: true })).toBe(detailed);
  });
});
