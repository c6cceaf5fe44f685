import { expect, it } from 'vitest';
import type { TenantDriver } from '../../src/agent-client/tenant-driver.js';
import { reconcile } from '../../src/controller/reconcile.js';
import type { ReconcileReport } from '../../src/controller/report.js';
import type { DesiredState } from '../../src/manifest/desired-state.js';
import { createRenderer } from '../../src/render/create-renderer.js';
import { makeInstance, makeTemplate } from '../render/support.js';
import { inspection, observedTenant } from '../support/plan-fixtures.js';

/** A first install of an instance that may be updated from 22:00 UTC on, at an hour of a day. */
async function reconcileAt(time: string, ignoreWindow = false): Promise<{ report: ReconcileReport; applied: number }> {
  const maintenance = { timeZone: 'UTC', allow: [{ cron: '0 22 * * *', durationMs: 3_600_000 }], deny: [] };
  const template = makeTemplate({});
  const desired: DesiredState = {
    revision: 'r1',
    instances: [makeInstance({ maintenance })],
    hosts: new Map([['edmonton-1', { name: 'edmonton-1', kind: 'local', root: '/srv' }]]),
    problems: [],
    brokenSlugs: [],
    unreadable: [],
  };
  let applied = 0;
  const driver: Pick<TenantDriver, 'observe' | 'inspect' | 'apply'> = {
    observe: async () => [observedTenant({ 'docker-compose.yml': null })],
    inspect: async () => inspection([]),
    apply: async () => {
      applied += 1;
      return { generation: 1, phases: [], recreated: [], restarted: [] };
    },
  };
  const report = await reconcile(
    {
      desired,
      templates: { get: () => template, use: () => template, names: ['shop'], problems: [] },
      renderer: createRenderer(),
      driverFor: () => driver as TenantDriver,
      now: () => new Date(`2025-01-06T${time}Z`),
      newId: () => 'id',
    },
    { slugs: [], dryRun: false, filesOnly: false, concurrency: 1, ignoreHold: false, ignoreWindow },
  );
  return { report, applied };
}

it('applies nothing before the window opens, and says when that is', async () => {
  const { report, applied } = await reconcileAt('21:59:59');
  expect(applied).toBe(0);
  expect(report.items).toMatchObject([
    {
      result: 'waiting',
      plan: { gate: { reason: 'OutsideWindow', until: '2025-01-06T22:00:00.000Z' } },
      conditions: [{ type: 'Ready', status: 'False', reason: 'OutsideWindow' }, { type: 'Reconciling' }],
    },
  ]);
});

it('applies once the window is open, or when told to ignore it', async () => {
  for (const { report, applied } of [await reconcileAt('22:00:00'), await reconcileAt('12:00:00', true)]) {
    expect(applied).toBe(1);
    expect(report.items).toMatchObject([{ result: 'converged', plan: { gate: null } }]);
  }
});
