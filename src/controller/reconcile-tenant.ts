import type { ObservedTenant, TenantDriver } from '../agent-client/tenant-driver.js';
import { FlotillaError } from '../errors.js';
import { lockedGate } from '../plan/gates.js';
import type { DesiredTenant, Plan } from '../plan/plan.js';
import { hasWork, planTenant } from '../plan/plan-tenant.js';
import type { RenderedFile } from '../render/file-set.js';
import type { ReconcileItem, ReconcileOptions } from './report.js';

/** How often a plan that went stale between planning and applying is made anew. */
const MAX_STALE_PLANS = 3;

export interface TenantWork {
  tenant: DesiredTenant;
  files: readonly RenderedFile[];
  driver: TenantDriver;
  reconcileId: string;
}

export type Outcome = Pick<ReconcileItem, 'result' | 'plan' | 'diffs' | 'applied'>;

/**
 * Observes, plans and, unless it is a dry run or a gate holds it, applies one instance. The plan that a dry run
 * returns is the plan that a run applies.
 *
 * @param first what a batched observation of the host has just said; a run that has work looks again before it acts
 * @throws FlotillaError for everything that makes the instance failed
 */
export async function reconcileTenant(
  work: TenantWork,
  first: ObservedTenant,
  options: ReconcileOptions,
): Promise<Outcome> {
  for (let attempt = 1; ; attempt++) {
    const fresh = attempt > 1 || (!options.dryRun && hasWork(work.tenant, usable(first)));
    const observed = usable(fresh ? await observeAgain(work, options) : first);
    const outcome = await planOnce(work, observed, options);
    if (outcome.result !== 'changed' || options.dryRun) return outcome;
    try {
      return await applyPlan(work, outcome, options);
    } catch (error) {
      const stale = error instanceof FlotillaError && error.code === 'PlanStale';
      if (!stale || attempt === MAX_STALE_PLANS) throw error;
    }
  }
}

function usable(observed: ObservedTenant): ObservedTenant {
  const { error } = observed;
  if (error) throw new FlotillaError(error.code, error.message, error.hint === undefined ? {} : { hint: error.hint });
  return observed;
}

async function observeAgain({ tenant, driver }: TenantWork, options: ReconcileOptions): Promise<ObservedTenant> {
  const [observed] = await driver.observe([toObserveRequest(tenant)], callOptions(options));
  if (!observed) throw new FlotillaError('Internal', `the host gave no observation of ${tenant.slug}`);
  return observed;
}

/** What to ask a host about one instance. */
export function toObserveRequest({
  slug,
  project,
  directory,
  files,
}: DesiredTenant): Parameters<TenantDriver['observe']>[0][number] {
  return { slug, project, directory, paths: files.map((file) => file.path) };
}

async function planOnce(
  { tenant, files, driver }: TenantWork,
  observed: ObservedTenant,
  options: ReconcileOptions,
): Promise<Outcome> {
  const containers = !options.filesOnly && hasWork(tenant, observed);
  const inspection = await driver.inspect({ tenant, files, containers }, callOptions(options));
  const plan = planTenant({ desired: tenant, observed, inspection, ignoreHold: options.ignoreHold });
  const outcome = (result: Outcome['result']): Outcome => ({ result, plan, diffs: inspection.diffs, applied: null });
  if (plan.operations.length === 0) return outcome('inSync');
  if (plan.gate) return outcome('waiting');
  const { refused } = inspection;
  if (refused)
    throw new FlotillaError(refused.code, refused.message, {
      phase: 'validate',
      ...(refused.hint && { hint: refused.hint }),
    });
  return outcome('changed');
}

async function applyPlan(
  { tenant, files, driver, reconcileId }: TenantWork,
  planned: Outcome,
  options: ReconcileOptions,
): Promise<Outcome> {
  const plan = planned.plan as Plan;
  try {
    const applied = await driver.apply(
      { plan, content: { files }, reconcileId },
      {
        ...callOptions(options),
        onProgress: (progress) => options.onEvent?.({ type: 'phase', slug: tenant.slug, ...progress }),
      },
    );
    return { ...planned, result: 'converged', applied };
  } catch (error) {
    if (!(error instanceof FlotillaError && error.code === 'Locked')) throw error;
    const observed = await observeAgain({ tenant, files, driver, reconcileId }, options);
    const gate = lockedGate(observed.lockedBy ?? { pid: 0, command: '', since: '' });
    return { ...planned, result: 'waiting', plan: { ...plan, gate } };
  }
}

function callOptions({ signal }: ReconcileOptions): { signal?: AbortSignal } {
  return signal ? { signal } : {};
}
