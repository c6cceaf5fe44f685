import PQueue from 'p-queue';
import type { TenantDriver } from '../agent-client/tenant-driver.js';
import { FlotillaError } from '../errors.js';
import type { DesiredHost, DesiredInstance, DesiredState } from '../manifest/desired-state.js';
import { nearestName } from '../manifest/nearest.js';
import type { ObservedTenant } from '../plan/observed.js';
import type { Renderer } from '../render/create-renderer.js';
import type { Template, TemplateStore } from '../render/template.js';
import { toConditions } from './conditions.js';
import { toDesiredTenant } from './desired-tenant.js';
import { type Outcome, reconcileTenant, type TenantWork, toObserveRequest } from './reconcile-tenant.js';
import type { ItemError, ReconcileItem, ReconcileOptions, ReconcileReport, Result } from './report.js';
import type { Placed, SweepMemory } from './sweep-memory.js';

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

/**
 * Brings every chosen instance to its desired state, or with `dryRun` says what that would do. What goes wrong with one
 * instance or one host is an item of the report and never stops the others.
 *
 * @throws FlotillaError InstanceNotFound for a slug that no manifest has; UsageInvalid for filesOnly without dryRun
 */
export async function reconcile(deps: ReconcileDeps, options: ReconcileOptions): Promise<ReconcileReport> {
  if (options.filesOnly && !options.dryRun) {
    throw new FlotillaError(
      'UsageInvalid',
      '--files-only previews files and leaves containers out: it cannot be applied',
      { hint: 'add --dry-run' },
    );
  }
  const chosen = choose(deps.desired, options.slugs);
  const run: Run = { deps, options, memory: deps.memory ?? new WeakMap(), items: [] };
  for (const slug of chosen.broken) run.items.push(brokenItem(slug, deps));
  const byHost = groupByHost(chosen.instances);
  await Promise.all([...byHost].map(([host, instances]) => reconcileHost(run, host, instances)));
  const items = run.items.sort((a, b) => (a.slug < b.slug ? -1 : 1));
  return {
    revision: deps.desired.revision,
    dryRun: options.dryRun,
    summary: summarise(items),
    items,
    problems: deps.desired.problems,
  };
}

interface Run {
  deps: ReconcileDeps;
  options: ReconcileOptions;
  memory: SweepMemory;
  items: ReconcileItem[];
}

function choose(
  desired: DesiredState,
  slugs: readonly string[],
): { instances: readonly DesiredInstance[]; broken: readonly string[] } {
  if (slugs.length === 0) return { instances: desired.instances, broken: desired.brokenSlugs };
  const known = new Set([...desired.instances.map((instance) => instance.slug), ...desired.brokenSlugs]);
  for (const slug of slugs) {
    if (known.has(slug)) continue;
    const near = nearestName(slug, [...known]);
    throw new FlotillaError(
      'InstanceNotFound',
      `no manifest has an instance named "${slug}"`,
      near ? { hint: `did you mean "${near}"?` } : {},
    );
  }
  const wanted = new Set(slugs);
  return {
    instances: desired.instances.filter((instance) => wanted.has(instance.slug)),
    broken: desired.brokenSlugs.filter((slug) => wanted.has(slug)),
  };
}

function groupByHost(instances: readonly DesiredInstance[]): Map<string, DesiredInstance[]> {
  const byHost = new Map<string, DesiredInstance[]>();
  for (const instance of instances) {
    const group = byHost.get(instance.host);
    if (group) group.push(instance);
    else byHost.set(instance.host, [instance]);
  }
  return byHost;
}

/** Each host has a queue of its own, so that one that is slow or gone keeps no other waiting. */
async function reconcileHost(run: Run, hostName: string, instances: readonly DesiredInstance[]): Promise<void> {
  const queue = new PQueue({ concurrency: run.options.concurrency });
  for (let start = 0; start < instances.length; start += BATCH) {
    await reconcileBatch(run, hostName, instances.slice(start, start + BATCH), queue);
  }
}

interface Prepared {
  instance: DesiredInstance;
  placed: Placed;
  work: TenantWork;
}

async function reconcileBatch(
  run: Run,
  hostName: string,
  instances: readonly DesiredInstance[],
  queue: PQueue,
): Promise<void> {
  const prepared: Prepared[] = [];
  const fail = (instance: DesiredInstance, error: unknown) => finish(run, instance, { error });
  for (const instance of instances) {
    run.options.onEvent?.({ type: 'started', slug: instance.slug });
    try {
      prepared.push(prepare(run, hostName, instance));
    } catch (error) {
      fail(instance, error);
    }
  }
  const driver = prepared[0]?.work.driver;
  if (!driver) return;
  let observed: ObservedTenant[];
  try {
    observed = await observeBatch(driver, prepared, run.options);
  } catch (error) {
    for (const { instance } of prepared) fail(instance, error);
    return;
  }
  const left = prepared.flatMap((one, i) => (isStillInSync(run, one, observed[i]) ? [] : [{ one, seen: observed[i] }]));
  await Promise.all(left.map(({ one, seen }) => queue.add(() => reconcileOne(run, one, seen))));
}

async function observeBatch(
  driver: TenantDriver,
  prepared: readonly Prepared[],
  options: ReconcileOptions,
): Promise<ObservedTenant[]> {
  const requests = prepared.map(({ placed }) => placed.request);
  return driver.observe(requests, {
    containers: !options.filesOnly,
    ...(options.signal && { signal: options.signal }),
  });
}

function prepare(run: Run, hostName: string, instance: DesiredInstance): Prepared {
  const { desired, templates, renderer, driverFor, newId } = run.deps;
  const host = desired.hosts.get(hostName);
  if (!host) throw new FlotillaError('ManifestInvalid', `${instance.slug}: no manifest describes host "${hostName}"`);
  const template = templates.use(instance.template);
  const placed = place(run, template, instance);
  const work: TenantWork = {
    tenant: placed.tenant,
    files: () => renderer.render(template, instance).files,
    driver: driverFor(host),
    reconcileId: newId(),
    rollback: instance.rollback,
  };
  return { instance, placed, work };
}

function place({ deps, memory }: Run, template: Template, instance: DesiredInstance): Placed {
  const { revision } = deps.desired;
  const known = memory.get(instance);
  if (known?.template === template && known.revision === revision) return known;
  const tenant = toDesiredTenant(instance, template, deps.renderer.render(template, instance), revision);
  const placed: Placed = { template, revision, tenant, request: toObserveRequest(tenant) };
  memory.set(instance, placed);
  return placed;
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
  { instance, placed, work }: Prepared,
  observed: ObservedTenant | undefined,
): Promise<void> {
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

function brokenItem(slug: string, { desired, now }: ReconcileDeps): ReconcileItem {
  const problems = desired.problems.filter((problem) => problem.slug === slug);
  const own = problems.length > 0;
  const error: ItemError = {
    code: 'ManifestInvalid',
    message: own ? 'its manifest has problems' : 'its fleet or host has problems',
    hint: own ? null : 'mend what is listed below; flotilla validate lists it too',
    phase: null,
    problems,
  };
  const item: ReconcileItem = {
    slug,
    host: '',
    fleet: null,
    imageTag: '',
    result: 'failed',
    plan: null,
    diffs: [],
    conditions: [],
    error,
    applied: null,
  };
  return { ...item, conditions: toConditions(item, now()) };
}

/** What an unexpected error says may hold anything, so only its kind is passed on. */
function toItemError(error: unknown): ItemError {
  if (error instanceof FlotillaError) {
    const { code, message, hint, phase, problems } = error;
    return { code, message, hint: hint ?? null, phase: phase ?? null, problems };
  }
  const kind = error instanceof Error ? error.name : typeof error;
  return {
    code: 'Internal',
    message: `unexpected ${kind}`,
    hint: 'run again with --log-level debug and report it',
    phase: null,
    problems: [],
  };
}

function summarise(items: readonly ReconcileItem[]): Record<Result, number> {
  const summary: Record<Result, number> = { inSync: 0, changed: 0, converged: 0, waiting: 0, failed: 0 };
  for (const item of items) summary[item.result]++;
  return summary;
}
