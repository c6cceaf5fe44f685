import { describe, expect, it } from 'vitest';
import { judge, type Next } from '../../../src/controller/watch/verdict.js';
import { ERROR_CODES, type ErrorCode } from '../../../src/errors.js';
import type { Gate } from '../../../src/plan/plan.js';
import { emptyPlan } from '../../support/report-fixtures.js';

const NOW = new Date('2026-03-02T10:00:00.000Z');
const HOUR_MS = 3_600_000;

const failed = (code: ErrorCode) =>
  judge(
    { result: 'failed', plan: null, error: { code, message: '', hint: null, phase: null, problems: [] } },
    ERROR_CODES[code].terminal,
    NOW,
  );
const waiting = (gate: Omit<Gate, 'message'> | null) =>
  judge({ result: 'waiting', plan: emptyPlan({ gate: gate && { ...gate, message: '' } }), error: null }, false, NOW);
const until = (ms: number) => new Date(NOW.getTime() + ms).toISOString();

it.each([
  ['inSync', 'done'],
  ['changed', 'done'],
  ['converged', 'look'],
] as const)('after %s: %s', (result, kind) => {
  expect(judge({ result, plan: emptyPlan(), error: null }, false, NOW)).toEqual({ kind });
});

describe('after a failure', () => {
  it.each([
    ['Superseded', 'again'],
    ['Cancelled', 'retry'],
    ['HostUnreachable', 'retry'],
    ['PlanStale', 'retry'],
    ['ImageNotFound', 'retry'],
    ['Internal', 'retry'],
    ['ComposeInvalid', 'stall'],
    ['NoProgress', 'stall'],
    ['PathEscapes', 'stall'],
  ] as const)('%s: %s', (code, kind) => {
    expect(failed(code)).toEqual({ kind });
  });

  it('stalls at exactly what only new desired state helps', () => {
    const codes = Object.keys(ERROR_CODES) as ErrorCode[];
    const stalling = codes.filter((code) => failed(code).kind === 'stall');
    expect(stalling).toEqual(codes.filter((code) => ERROR_CODES[code].terminal));
  });
});

describe('behind a gate', () => {
  const AFTER: [string, Omit<Gate, 'message'>, Next][] = [
    ['Suspended', { reason: 'Suspended', blocked: false }, { kind: 'done' }],
    ['DriftReported', { reason: 'DriftReported', blocked: false }, { kind: 'done' }],
    ['RolledBack', { reason: 'RolledBack', blocked: true }, { kind: 'done' }],
    ['Locked', { reason: 'Locked', blocked: false }, { kind: 'retry' }],
    ['EnvCoverageBlocked', { reason: 'EnvCoverageBlocked', blocked: true }, { kind: 'after', ms: 60_000 }],
  ];
  it.each(AFTER)('%s', (_, gate, next) => {
    expect(waiting(gate)).toEqual(next);
  });

  it.each([
    ['opens in five minutes', until(5 * 60_000), 5 * 60_000],
    ['opens in hours: looked for again before, as a clock may jump', until(9 * HOUR_MS), 15 * 60_000],
    ['opens now', until(0), 1_000],
    ['was to open an hour ago', until(-HOUR_MS), 1_000],
    ['opens at a time that is not known', undefined, 15 * 60_000],
  ])('a window that %s', (_, opens, ms) => {
    const gate = { reason: 'OutsideWindow' as const, blocked: false, ...(opens !== undefined && { until: opens }) };
    expect(waiting(gate)).toEqual({ kind: 'after', ms });
  });

  it('that nobody has named is tried again', () => {
    expect(waiting(null)).toEqual({ kind: 'retry' });
  });
});
