import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AppliedView, ObservedTenant, ServiceForecast } from '../../src/plan/observed.js';
import type { DesiredTenant, Plan } from '../../src/plan/plan.js';
import { hasWork, planTenant } from '../../src/plan/plan-tenant.js';
import {
  appliedView,
  desiredTenant,
  entry,
  forecast,
  inspection,
  observedTenant,
  printPlan,
} from '../support/plan-fixtures.js';

const PATHS = ['a.yml', 'b/c.conf', '.env', 'd'];
const text = fc.constantFrom('x', 'y', 'z');
const tree = fc.dictionary(fc.constantFrom(...PATHS), text, { noNullPrototype: true });

interface World {
  desired: DesiredTenant;
  observed: ObservedTenant;
  forecast: ServiceForecast[];
}

const world: fc.Arbitrary<World> = fc
  .record({
    desired: tree,
    here: tree,
    last: fc.option(tree, { nil: null }),
    once: fc.constantFrom(...PATHS),
    outcome: fc.constantFrom('verified' as const, 'committed' as const),
    mounts: fc.subarray(PATHS),
    definition: fc.constantFrom('new' as const, 'update' as const, 'environment' as const, 'same' as const),
    containers: fc.integer({ min: 0, max: 2 }),
    digest: fc.constantFrom('sha256:old', 'sha256:new'),
    interrupted: fc.boolean(),
  })
  .map((it) => {
    const applied = it.last && appliedView(it.last, { outcome: it.outcome, digest: it.digest });
    const paths = [...new Set([...Object.keys(it.desired), ...Object.keys(it.last ?? {})])];
    const files = Object.fromEntries(paths.map((path) => [path, it.here[path] ?? null]));
    const container = { state: 'running' as const, health: null, exitCode: null, differs: [] };
    const services = [
      {
        name: 'api',
        recorded: applied ? { count: 1, completed: false } : null,
        containers: Array(it.containers).fill(container),
      },
    ];
    const entries = Object.entries(it.desired).map(([path, content]) =>
      entry(path, content, path === it.once ? { ownership: 'CreateOnly' } : {}),
    );
    return {
      desired: desiredTenant({ files: entries.sort((a, b) => (a.path < b.path ? -1 : 1)) }),
      observed: observedTenant(files, { applied, services, interrupted: it.interrupted }),
      forecast: [forecast('api', { mounts: it.mounts, definition: it.definition })],
    };
  });

function makePlan({ desired, observed, forecast }: World): Plan {
  return planTenant({ desired, observed, inspection: inspection(forecast) });
}

/** What the host would show after the plan was carried out. */
function carryOut(plan: Plan, { desired, observed }: World): ObservedTenant {
  const files = new Map(observed.files.map((file) => [file.path, file]));
  for (const operation of plan.operations) {
    if (operation.kind === 'write')
      files.set(operation.path, { path: operation.path, sha256: operation.sha256, mode: operation.mode });
    if (operation.kind === 'remove') files.set(operation.path, { path: operation.path, sha256: null, mode: null });
  }
  const applied: AppliedView = {
    ...appliedView({}, { generation: plan.basis.generation + 1, imageTag: plan.imageTag, digest: plan.digest }),
    files: plan.fileSet.map(({ path, sha256, mode, ownership }) => ({
      path,
      sha256,
      mode,
      createOnly: ownership === 'CreateOnly',
    })),
  };
  const container = { state: 'running' as const, health: null, exitCode: null, differs: [] };
  return {
    ...observedTenant(
      {},
      { applied, services: [{ name: 'api', recorded: { count: 1, completed: false }, containers: [container] }] },
    ),
    files: desired.files.map(({ path }) => files.get(path) ?? { path, sha256: null, mode: null }),
  };
}

describe('the laws of planning', () => {
  it('is empty straight after it was carried out', () => {
    fc.assert(
      fc.property(world, (it) => {
        const after = carryOut(makePlan(it), it);
        expect(planTenant({ desired: it.desired, observed: after, inspection: null }).operations).toEqual([]);
        expect(hasWork(it.desired, after)).toBe(false);
      }),
    );
  });

  it('has operations exactly when there is work, and each carries its cause', () => {
    fc.assert(
      fc.property(world, (it) => {
        const plan = makePlan(it);
        expect(plan.operations.length > 0).toBe(hasWork(it.desired, it.observed));
        for (const operation of plan.operations) expect(operation.cause).not.toBe('');
        for (const { action, cause } of plan.containers ?? []) expect(cause === '').toBe(action === 'none');
        for (const { status, cause } of plan.files) expect(cause === null).toBe(status === 'unchanged');
      }),
    );
  });

  it('does not depend on the order of what was observed', () => {
    fc.assert(
      fc.property(world, (it) => {
        const reversed = {
          ...it.observed,
          files: [...it.observed.files].reverse(),
          services: [...it.observed.services].reverse(),
        };
        expect(printPlan(makePlan({ ...it, observed: reversed }))).toBe(printPlan(makePlan(it)));
      }),
    );
  });

  it('removes only what is byte for byte ours', () => {
    fc.assert(
      fc.property(world, (it) => {
        for (const operation of makePlan(it).operations) {
          if (operation.kind !== 'remove') continue;
          const ours = it.observed.applied?.files.find((file) => file.path === operation.path);
          const here = it.observed.files.find((file) => file.path === operation.path);
          expect(here?.sha256).toBe(ours?.sha256);
        }
      }),
    );
  });

  it('never writes a file that is written once over one that is there', () => {
    fc.assert(
      fc.property(world, (it) => {
        for (const operation of makePlan(it).operations) {
          if (operation.kind === 'write' && operation.createOnly) {
            expect(it.observed.files.find((file) => file.path === operation.path)?.sha256).toBeNull();
          }
        }
      }),
    );
  });

  it('stays JSON', () => {
    fc.assert(
      fc.property(world, (it) => {
        expect(JSON.parse(JSON.stringify(makePlan(it)))).toEqual(makePlan(it));
      }),
    );
  });
});
