import PQueue from 'p-queue';
import type { TenantDriver } from '../agent-client/tenant-driver.js';
import { FlotillaError } from '../errors.js';
import type { DesiredHost, DesiredInstance, DesiredState } from '../manifest/desired-state.js';
import { nearestName } from '../manifest/nearest.js';
import type { ObservedTenant } from '../plan/observed.js';
import type { Renderer } from '../render/create-renderer.js';
import type { TemplateStore } from '../render/template.js';
import { toConditions } from './conditions.js';
import { toDesiredTenant } from './desired-tenant.js';
import { type Outcome, reconcileTenant, type TenantWork, toObserveRequest } from './reconcile-tenant.js';
import type { ItemError, ReconcileItem, ReconcileOptions, ReconcileReport, Result } from './report.js';

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
  const run = { deps, options, items: [] as ReconcileItem[] };
  for (const slug of chosen.broken) run.items.push(brokenItem(slug, deps));
  const hosts = new Set(chosen.instances.map((instance) => instance.host));
  await Promise.all(
    [...hosts].map((host) =>
      reconcileHost(
        run,
        host,
        chosen.instances.filter((instance) => instance.host === host),
      ),
    ),
  );
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

/** Each host has a queue of its own, so that one that is slow or gone keeps no other waiting. */
async function reconcileHost(run: Run, hostName: string, instances: readonly DesiredInstance[]): Promise<void> {
  const queue = new PQueue({ concurrency: run.options.concurrency });
  for (let start = 0; start < instances.length; start += BATCH) {
    await reconcileBatch(run, hostName, instances.slice(start, start + BATCH), queue);
  }
}

interface Prepared {
  instance: DesiredInstance;
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
      prepared.push({ instance, work: prepare(run.deps, hostName, instance) });
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
  await Promise.all(
    prepared.map(({ instance, work }, i) => queue.add(() => reconcileOne(run, instance, work, observed[i]))),
  );
}

async function observeBatch(
  driver: TenantDriver,
  prepared: readonly Prepared[],
  options: ReconcileOptions,
): Promise<ObservedTenant[]> {
  const requests = prepared.map(({ work }) => toObserveRequest(work.tenant));
  return driver.observe(requests, {
    containers: !options.filesOnly,
    ...(options.signal && { signal: options.signal }),
  });
}

function prepare(
  { desired, templates, renderer, driverFor, newId }: ReconcileDeps,
  hostName: string,
  instance: DesiredInstance,
): TenantWork {
  const host = desired.hosts.get(hostName);
  if (!host) throw new FlotillaError('ManifestInvalid', `${instance.slug}: no manifest describes host "${hostName}"`);
  const template = templates.use(instance.template);
  const fileSet = renderer.render(template, instance);
  return {
    tenant: toDesiredTenant(instance, template, fileSet, desired.revision),
    files: fileSet.files,
    driver: driverFor(host),
    reconcileId: newId(),
    rollback: instance.rollback,
  };
}

async function reconcileOne(
  run: Run,
  instance: DesiredInstance,
  work: TenantWork,
  observed: ObservedTenant | undefined,
): Promise<void> {
  try {
    if (run.options.signal?.aborted) throw new FlotillaError('Cancelled', 'not started: interrupted');
    if (!observed) throw new FlotillaError('Internal', 'the host left it out of its observation');
    run.options.onEvent?.({ type: 'phase', slug: instance.slug, phase: 'plan' });
    finish(run, instance, await reconcileTenant(work, observed, run.options));
  } catch (error) {
    finish(run, instance, { error });
  }
}

function finish(run: Run, instance: DesiredInstance, outcome: Outcome | { error: unknown }): void {
  const { slug, host, fleet, imageTag } = instance;
  const unplanned = { result: 'failed' as const, plan: null, diffs: [], applied: null };
  const error = outcome.error ? toItemError(outcome.error) : null;
  const item = { slug, host, fleet, imageTag, ...('result' in outcome ? outcome : unplanned), error };
  const complete = { ...item, conditions: toConditions(item, run.deps.now()) };
  run.items.push(complete);
  run.options.onEvent?.({ type: 'finished', slug, item: complete });
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
