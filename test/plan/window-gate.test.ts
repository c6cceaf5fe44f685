import { describe, expect, it } from 'vitest';
import type { Maintenance } from '../../src/manifest/desired-state.js';
import type { Gate } from '../../src/plan/plan.js';
import { type PlanInput, planTenant } from '../../src/plan/plan-tenant.js';
import { appliedView, desiredTenant, entry, inspection, observedTenant } from '../support/plan-fixtures.js';

const NIGHTS: Maintenance = {
  timeZone: 'Europe/Berlin',
  allow: [{ cron: '0 22 * * *', durationMs: 4 * 3_600_000 }],
  deny: [],
};
/** 13:00 in Berlin. */
const NOON = new Date('2025-01-06T12:00:00Z');
const NIGHT = new Date('2025-01-06T22:30:00Z');
const FILE = 'docker-compose.yml';

const desired = desiredTenant({ maintenance: NIGHTS, files: [entry(FILE, 'new')] });
const before = observedTenant({ [FILE]: 'old' }, { applied: appliedView({ [FILE]: 'old' }) });
const current = appliedView({ [FILE]: 'new' }, { digest: desired.digest, imageTag: desired.imageTag });

function gate(over: Partial<PlanInput>): Gate | null {
  return planTenant({ desired, observed: before, inspection: inspection([]), now: NOON, ...over }).gate;
}

describe('outside of its maintenance windows', () => {
  it('an update waits, and is told until when', () => {
    expect(gate({})).toEqual({
      reason: 'OutsideWindow',
      message: 'its update waits until 2025-01-06 22:00 Europe/Berlin: outside the windows of spec.maintenance.allow',
      hint: 'flotilla reconcile acme --ignore-window applies it now',
      until: '2025-01-06T21:00:00.000Z',
      blocked: false,
    });
  });

  it('an update that no window lets through within a year says so', () => {
    const maintenance = { ...NIGHTS, deny: [{ cron: '0 0 * * *', durationMs: 25 * 3_600_000 }] };
    const held = gate({ desired: { ...desired, maintenance } });
    expect(held?.message).toBe(
      'its update waits for more than a year: inside a window that spec.maintenance.deny closes',
    );
    expect(held).not.toHaveProperty('until');
  });

  it('a first install waits', () => {
    expect(gate({ observed: observedTenant({ [FILE]: null }) })?.reason).toBe('OutsideWindow');
  });

  it('a drifted file is put back', () => {
    const drifted = observedTenant({ [FILE]: 'edited' }, { applied: current });
    expect(planTenant({ desired, observed: drifted, inspection: inspection([]), now: NOON })).toMatchObject({
      gate: null,
      operations: [{ kind: 'write', path: FILE }, { kind: 'record' }],
    });
  });

  it('an update of a tenant that has drifted waits with the drift', () => {
    const drifted = observedTenant({ [FILE]: 'edited' }, { applied: appliedView({ [FILE]: 'old' }) });
    expect(gate({ observed: drifted })?.reason).toBe('OutsideWindow');
  });

  it.each([
    [
      'committed and never verified',
      observedTenant({ [FILE]: 'new' }, { applied: { ...current, outcome: 'committed' } }),
    ],
    ['interrupted in its commit', observedTenant({ [FILE]: 'old' }, { applied: before.applied, interrupted: true })],
  ])('an update that was begun (%s) is finished', (_, observed) => {
    expect(gate({ observed })).toBeNull();
  });

  it.each([
    ['inside a window', { now: NIGHT }],
    ['when told to ignore windows', { ignoreWindow: true }],
    ['when the time is not given, as for a rollback', { now: undefined }],
    ['without maintenance', { desired: { ...desired, maintenance: null } }],
  ])('but an update goes ahead %s', (_, over) => {
    expect(gate(over as Partial<PlanInput>)).toBeNull();
  });
});

describe('of several reasons to wait', () => {
  const held = { digest: desired.digest, imageTag: 'v2', at: '2025-01-01T00:00:00.000Z' };
  const lacking = inspection([], {
    envCoverage: { required: ['X'], missingInTenantEnv: [], blocking: ['X'], newlyNeeded: ['X'], suspect: [] },
  });
  it.each([
    ['Suspended', { desired: { ...desired, suspend: true } }],
    ['RolledBack', { observed: { ...before, applied: appliedView({ [FILE]: 'old' }, { hold: held }) } }],
    ['EnvCoverageBlocked', { inspection: lacking }],
    ['OutsideWindow', { desired: { ...desired, driftPolicy: 'Report' as const } }],
  ])('%s is the one that is told', (reason, over) => {
    expect(gate(over)?.reason).toBe(reason);
  });
});
