import { FlotillaError } from '../errors.js';
import type { DesiredInstance, DesiredState } from '../manifest/desired-state.js';
import { nearestName } from '../manifest/nearest.js';
import { toConditions } from './conditions.js';
import { type ReconcileDeps, type Run, reconcileHost } from './reconcile-host.js';
import type { ItemError, ReconcileItem, ReconcileOptions, ReconcileReport, Result } from './report.js';

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

function summarise(items: readonly ReconcileItem[]): Record<Result, number> {
  const summary: Record<Result, number> = { inSync: 0, changed: 0, converged: 0, waiting: 0, failed: 0 };
  for (const item of items) summary[item.result]++;
  return summary;
}
