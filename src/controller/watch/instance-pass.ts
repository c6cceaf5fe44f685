import type { TenantDriver } from '../../agent-client/tenant-driver.js';
import { ERROR_CODES, FlotillaError } from '../../errors.js';
import type { ObservedTenant } from '../../plan/observed.js';
import type { Plan } from '../../plan/plan.js';
import { hasWork } from '../../plan/plan-tenant.js';
import type { Renderer } from '../../render/create-renderer.js';
import { type Outcome, reconcileTenant } from '../reconcile-tenant.js';
import type { ReconcileItem } from '../report.js';
import { toItemError } from '../to-item-error.js';
import type { DesiredEntry } from './desired-entry.js';
import type { InstanceRuntime } from './instance-runtime.js';
import { recordUpgrade, type UpgradeRecord } from './upgrade-record.js';

export interface PassInput {
  entry: DesiredEntry;
  runtime: InstanceRuntime;
  /** @throws FlotillaError when there is no way to the host */
  driver: () => TenantDriver;
  renderer: Renderer;
  reconcileId: string;
  now: () => Date;
  /** Monotonic. */
  nowMs: () => number;
  /** Stops what has changed nothing yet. */
  signal: AbortSignal;
  /** Whether that is still what is desired of it. */
  isCurrent: () => boolean;
  onApply: (record: UpgradeRecord, plan: Plan) => void;
}

/** What came of a pass. */
export interface Pass {
  item: Omit<ReconcileItem, 'conditions'>;
  /** Of its error: only new desired state helps. */
  terminal: boolean;
  /** Set where something was applied, or tried. */
  record: UpgradeRecord | null;
  rolledBack: boolean;
  /** What the host said at first; null when it could not be asked. */
  observed: ObservedTenant | null;
}

/**
 * One pass over one instance: observe, plan, and apply what there is to do. Never throws. null when it is stalled and nothing
 * has come to be in order by itself.
 */
export async function passInstance(input: PassInput): Promise<Pass | null> {
  const { entry, runtime, signal } = input;
  const run: { record: UpgradeRecord | null; rolledBack: boolean } = { record: null, rolledBack: false };
  let observed: ObservedTenant | null = null;
  let outcome: Outcome | { error: unknown };
  try {
    const driver = input.driver();
    const [seen] = await driver.observe([entry.request], { signal });
    if (!seen) throw new FlotillaError('Internal', 'the host left it out of its observation');
    observed = seen;
    if (runtime.stalled && (seen.error !== null || hasWork(entry.tenant, seen))) return null;
    outcome = await reconcileTenant(toWork(input, driver, run), seen, {
      ...OPTIONS,
      signal,
      onEvent: (event) => {
        if (event.type === 'phase' && event.phase !== 'plan' && event.phase !== 'render' && event.phase !== 'observe')
          run.record?.progress({
            phase: event.phase,
            ...(event.service !== undefined && { service: event.service }),
            ...(event.message !== undefined && { message: event.message }),
          });
      },
    });
  } catch (error) {
    outcome = { error };
  }
  return { ...toPass(entry, outcome), ...run, observed };
}

/** A daemon does all that is to be done, one instance at a time; holds and windows are kept. */
const OPTIONS = { slugs: [], dryRun: false, filesOnly: false, concurrency: 1, ignoreHold: false, ignoreWindow: false };

function toWork(
  { entry, runtime, renderer, reconcileId, now, nowMs, isCurrent, onApply }: PassInput,
  driver: TenantDriver,
  run: { record: UpgradeRecord | null; rolledBack: boolean },
): Parameters<typeof reconcileTenant>[0] {
  const supersede = new AbortController();
  return {
    tenant: entry.tenant,
    files: () => renderer.render(entry.template, entry.instance).files,
    driver,
    reconcileId,
    rollback: entry.instance.rollback,
    now,
    observedNow: true,
    supersede: supersede.signal,
    beforeApply(plan) {
      if (!isCurrent()) throw new FlotillaError('Superseded', 'something else is desired by now');
      runtime.progress.beforeApply(plan, nowMs());
      runtime.supersede = supersede;
      const { author, instance } = entry;
      const begun = { id: reconcileId, fleet: instance.fleet, author, plan, startedAt: now() };
      run.record = recordUpgrade(begun, nowMs);
      onApply(run.record, plan);
    },
    onRollback() {
      run.rolledBack = true;
    },
  };
}

function toPass(entry: DesiredEntry, outcome: Outcome | { error: unknown }): Pick<Pass, 'item' | 'terminal'> {
  const { slug, host, fleet, imageTag } = entry.instance;
  const error = outcome.error ? toItemError(outcome.error) : null;
  const unplanned = { result: 'failed' as const, plan: null, diffs: [], applied: null };
  const item = { slug, host, fleet, imageTag, ...('result' in outcome ? outcome : unplanned), error };
  return { item, terminal: error !== null && ERROR_CODES[error.code].terminal };
}
