import type { ApplyPhase, TenantDriver } from '../agent-client/tenant-driver.js';
import { FlotillaError } from '../errors.js';
import type { RollbackPolicy } from '../manifest/desired-state.js';
import { lockedGate } from '../plan/gates.js';
import type { ObservedTenant } from '../plan/observed.js';
import type { DesiredTenant, Plan } from '../plan/plan.js';
import { hasWork, planTenant } from '../plan/plan-tenant.js';
import type { RenderedFile } from '../render/file-set.js';
import type { ReconcileItem, ReconcileOptions } from './report.js';

/** Phases in which the new files are in place already. */
const AFTER_COMMIT: ReadonlySet<string> = new Set<ApplyPhase>([
  'remove',
  'up',
  'restart',
  'settle',
  'verify',
  'record',
]);

/** How often a plan that went stale between planning and applying is made anew. */
const MAX_STALE_PLANS = 3;

export interface TenantWork {
  tenant: DesiredTenant;
  /** Rendered when they are needed: what is in sync needs no bytes. */
  files(): readonly RenderedFile[];
  driver: TenantDriver;
  reconcileId: string;
  rollback: RollbackPolicy;
  /** For maintenance windows. */
  now(): Date;
  /** The first observation was made for this instance just now, not for a whole host. */
  observedNow?: boolean;
  /** Newer desired state waits: an apply that only waits for health ends as Superseded. */
  supersede?: AbortSignal;
  /** Called with the plan that is about to be applied. What it throws prevents that, and is the outcome. */
  beforeApply?(plan: Plan): void;
  /** After a failure the file set that last worked was brought back. */
  onRollback?(): void;
}

/** `error` is set exactly when the result is failed. */
export type Outcome = Pick<ReconcileItem, 'result' | 'plan' | 'diffs' | 'applied'> & { error: FlotillaError | null };

/**
 * Observes, plans and, unless it is a dry run or a gate holds it, applies one instance. The plan that a dry run
 * returns is the plan that a run applies.
 *
 * @param first what a batched observation of the host has just said; a run that has work looks again before it acts
 * @throws FlotillaError for what fails before there is a plan; later failures are outcomes, with their plan
 */
export async function reconcileTenant(
  work: TenantWork,
  first: ObservedTenant,
  options: ReconcileOptions,
): Promise<Outcome> {
  for (let attempt = 1; ; attempt++) {
    const fresh = attempt > 1 || (!options.dryRun && !work.observedNow && hasWork(work.tenant, usable(first)));
    const observed = usable(fresh ? await observeAgain(work, options) : first);
    const outcome = await planOnce(work, observed, options);
    if (outcome.result !== 'changed' || options.dryRun) return outcome;
    const applied = await applyPlan(work, outcome, options);
    if (applied.error?.code !== 'PlanStale' || attempt === MAX_STALE_PLANS) return applied;
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
  { tenant, files, driver, now }: TenantWork,
  observed: ObservedTenant,
  options: ReconcileOptions,
): Promise<Outcome> {
  const work = hasWork(tenant, observed);
  // A preview tells of variables that are missing, too, where there is nothing to do; a sweep asks no more than it must.
  if (!work && !options.dryRun) return inSync(tenant, observed);
  const containers = !options.filesOnly && work;
  const inspection = await driver.inspect({ tenant, files: files(), containers }, callOptions(options));
  const { ignoreHold, ignoreWindow } = options;
  const plan = planTenant({ desired: tenant, observed, inspection, ignoreHold, ignoreWindow, now: now() });
  const outcome = (result: Outcome['result'], error: FlotillaError | null = null): Outcome => ({
    result,
    plan,
    diffs: inspection.diffs,
    applied: null,
    error,
  });
  if (plan.operations.length === 0) return outcome('inSync');
  if (plan.gate) return outcome('waiting');
  const { refused } = inspection;
  if (!refused) return outcome('changed');
  const { code, message, hint } = refused;
  return outcome(
    'failed',
    new FlotillaError(code, message, { phase: 'validate', ...(hint !== undefined && { hint }) }),
  );
}

function inSync(desired: DesiredTenant, observed: ObservedTenant): Outcome {
  const plan = planTenant({ desired, observed, inspection: null });
  return { result: 'inSync', plan, diffs: [], applied: null, error: null };
}

async function applyPlan(work: TenantWork, planned: Outcome, options: ReconcileOptions): Promise<Outcome> {
  const { files, driver, reconcileId } = work;
  const plan = planned.plan as Plan;
  try {
    work.beforeApply?.(plan);
    const applied = await driver.apply({ plan, content: { files: files() }, reconcileId }, applyOptions(work, options));
    return { ...planned, result: 'converged', applied };
  } catch (error) {
    if (!(error instanceof FlotillaError)) throw error;
    if (error.code === 'Locked') return waitForLock(work, planned, options);
    return { ...planned, result: 'failed', error: await answerFailure(work, plan, error, options) };
  }
}

async function answerFailure(
  work: TenantWork,
  plan: Plan,
  error: FlotillaError,
  options: ReconcileOptions,
): Promise<FlotillaError> {
  if (error.code === 'Superseded' || work.supersede?.aborted) return error;
  const goesBack = work.rollback === 'OnFailure' && plan.fromImageTag !== null && AFTER_COMMIT.has(error.phase ?? '');
  return goesBack ? rollBack(work, plan, error, options) : withWayBack(error, plan);
}

/** After a failed upgrade the new files stay in place and are tried again: the operator is told how to go back. */
function withWayBack(error: FlotillaError, { slug, imageTag, fromImageTag }: Plan): FlotillaError {
  const { code, message, phase, cause, hint } = error;
  if (phase === undefined || !AFTER_COMMIT.has(phase) || fromImageTag === null || fromImageTag === imageTag)
    return error;
  const wayBack = `To go back to ${fromImageTag}: flotilla rollback ${slug}`;
  return new FlotillaError(code, message, { cause, phase, hint: hint === undefined ? wayBack : `${hint} ${wayBack}` });
}

async function waitForLock(work: TenantWork, planned: Outcome, options: ReconcileOptions): Promise<Outcome> {
  const observed = await observeAgain(work, options);
  const gate = lockedGate(observed.lockedBy ?? { pid: 0, command: '', since: '' });
  return { ...planned, result: 'waiting', plan: { ...(planned.plan as Plan), gate } };
}

/** `rollback: OnFailure`: brings the previous file set back and holds the one that failed until desired state changes. */
async function rollBack(
  work: TenantWork,
  failed: Plan,
  error: FlotillaError,
  options: ReconcileOptions,
): Promise<FlotillaError> {
  const { tenant, driver, reconcileId } = work;
  const { code, message, phase, cause } = error;
  const tell = (hint: string) =>
    new FlotillaError(code, message, { cause, hint, ...(phase !== undefined && { phase }) });
  try {
    const { plan, generation } = await driver.planRollback(tenant, callOptions(options));
    const hold = { digest: failed.digest, imageTag: failed.imageTag };
    await driver.apply({ plan, content: { generation }, reconcileId, hold }, applyOptions(work, options));
    work.onRollback?.();
    return tell(`rolled back to ${plan.imageTag}; ${failed.imageTag} is held until desired state changes`);
  } catch (second) {
    const why = second instanceof FlotillaError ? second.message : 'unexpected error';
    return tell(`rolling back failed too: ${why}`);
  }
}

function applyOptions(
  { tenant: { slug }, supersede }: TenantWork,
  options: ReconcileOptions,
): Parameters<TenantDriver['apply']>[1] {
  return {
    ...callOptions(options),
    ...(supersede && { supersede }),
    onProgress: (progress) => options.onEvent?.({ type: 'phase', slug, ...progress }),
  };
}

function callOptions({ signal }: ReconcileOptions): { signal?: AbortSignal } {
  return signal ? { signal } : {};
}
