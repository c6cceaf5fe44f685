import PQueue from 'p-queue';
import type { TenantDriver } from '../agent-client/tenant-driver.js';
import { FlotillaError } from '../errors.js';
import type { DesiredHost, DesiredInstance, DesiredState } from '../manifest/desired-state.js';
import type { ObservedTenant } from '../plan/observed.js';
import type { Renderer } from '../render/create-renderer.js';
import type { TemplateStore } from '../render/template.js';
import { toConditions } from './conditions.js';
import { type Outcome, reconcileTenant } from './reconcile-tenant.js';
import type { ReconcileItem, ReconcileOptions } from './report.js';
import { type Placed, place, type SweepMemory } from './sweep-memory.js';
import { toItemError } from './to-item-error.js';

/** How many instances of a host are rendered and observed in one request: bounds memory, not parallelism. */
const BATCH = 500;

export interface ReconcileDeps {
  desired: DesiredState;
  templates: TemplateStore;
  renderer: Renderer;
  /** @throws FlotillaError when there is no way to the host */
  driverFor(host: DesiredHost): TenantDriver;
  now(): Date;
  newId(): string;
  /** What sweeps of one process leave to each other. */
  memory?: SweepMemory;
}

/** One run over the fleet. */
export interface Run {
  deps: ReconcileDeps;
  options: ReconcileOptions;
  memory: SweepMemory;
  /** In the order in which they are done. */
  items: ReconcileItem[];
}

/**
 * Reconciles instances of one host. What goes wrong is an item of theirs; never throws. Each host has a queue of its own, so
 * that one that is slow or gone keeps no other waiting.
 */
export async function reconcileHost(run: Run, name: string, instances: readonly DesiredInstance[]): Promise<void> {
  let driver: TenantDriver;
  try {
    driver = openDriver(run, name);
  } catch (error) {
    for (const instance of instances) finish(run, instance, { error });
    return;
  }
  const queue = new PQueue({ concurrency: run.options.concurrency });
  for (let start = 0; start < instances.length; start += BATCH) {
    await reconcileBatch(run, driver, queue, instances.slice(start, start + BATCH));
  }
}

function openDriver({ deps }: Run, name: string): TenantDriver {
  const host = deps.desired.hosts.get(name);
  if (!host) throw new FlotillaError('ManifestInvalid', `no manifest describes host "${name}"`);
  return deps.driverFor(host);
}

interface Prepared {
  instance: DesiredInstance;
  placed: Placed;
}

async function reconcileBatch(
  run: Run,
  driver: TenantDriver,
  queue: PQueue,
  instances: readonly DesiredInstance[],
): Promise<void> {
  const prepared = prepareAll(run, instances);
  if (prepared.length === 0) return;
  let observed: ObservedTenant[];
  try {
    const { filesOnly, signal } = run.options;
    const requests = prepared.map(({ placed }) => placed.request);
    observed = await driver.observe(requests, { containers: !filesOnly, ...(signal && { signal }) });
  } catch (error) {
    for (const { instance } of prepared) finish(run, instance, { error });
    return;
  }
  const work = prepared.flatMap((one, i) =>
    isStillInSync(run, one, observed[i]) ? [] : [queue.add(() => reconcileOne(run, driver, one, observed[i]))],
  );
  await Promise.all(work);
}

function prepareAll(run: Run, instances: readonly DesiredInstance[]): Prepared[] {
  const { deps, memory, options } = run;
  const prepared: Prepared[] = [];
  for (const instance of instances) {
    options.onEvent?.({ type: 'started', slug: instance.slug });
    try {
      // A preview needs the bytes of every instance right afterwards; a sweep hardly any, so it keeps none.
      const renderer = options.dryRun ? deps.renderer : null;
      const template = deps.templates.use(instance.template);
      prepared.push({
        instance,
        placed: place(memory, { instance, template, revision: deps.desired.revision, renderer }),
      });
    } catch (error) {
      finish(run, instance, { error });
    }
  }
  return prepared;
}

/** Neither side has changed since it was found in sync: nothing is planned again. A preview always looks. */
function isStillInSync(run: Run, { instance, placed }: Prepared, observed: ObservedTenant | undefined): boolean {
  const { inSync } = placed;
  if (run.options.dryRun || inSync === undefined || inSync.observed !== observed) return false;
  run.items.push(inSync.item);
  run.options.onEvent?.({ type: 'finished', slug: instance.slug, item: inSync.item });
  return true;
}

async function reconcileOne(
  run: Run,
  driver: TenantDriver,
  { instance, placed }: Prepared,
  observed: ObservedTenant | undefined,
): Promise<void> {
  const { renderer, newId, now } = run.deps;
  const { tenant, template } = placed;
  const files = () => renderer.render(template, instance).files;
  const work = { tenant, files, driver, reconcileId: newId(), rollback: instance.rollback, now };
  try {
    if (run.options.signal?.aborted) throw new FlotillaError('Cancelled', 'not started: interrupted');
    if (!observed) throw new FlotillaError('Internal', 'the host left it out of its observation');
    run.options.onEvent?.({ type: 'phase', slug: instance.slug, phase: 'plan' });
    const item = finish(run, instance, await reconcileTenant(work, observed, run.options));
    if (item.result === 'inSync' && !run.options.dryRun) placed.inSync = { observed, item };
  } catch (error) {
    finish(run, instance, { error });
  }
}

function finish(run: Run, instance: DesiredInstance, outcome: Outcome | { error: unknown }): ReconcileItem {
  const { slug, host, fleet, imageTag } = instance;
  const unplanned = { result: 'failed' as const, plan: null, diffs: [], applied: null };
  const error = outcome.error ? toItemError(outcome.error) : null;
  const item = { slug, host, fleet, imageTag, ...('result' in outcome ? outcome : unplanned), error };
  const complete = { ...item, conditions: toConditions(item, run.deps.now()) };
  run.items.push(complete);
  run.options.onEvent?.({ type: 'finished', slug, item: complete });
  return complete;
}
