import type { ObservedTenant } from '../../plan/observed.js';
import { hasWork } from '../../plan/plan-tenant.js';
import type { DesiredEntry } from './desired-entry.js';
import type { Pass } from './instance-pass.js';
import type { InstanceRuntime } from './instance-runtime.js';
import type { WatchContext } from './watch-context.js';
import { settle } from './work-instance.js';

/** How many instances are asked for in one request. */
const BATCH = 500;

/**
 * Looks at instances of one host: those in order are done with, the others are enqueued.
 * @throws FlotillaError when the host cannot be asked
 */
export async function lookAt(context: WatchContext, entries: readonly DesiredEntry[]): Promise<void> {
  for (let start = 0; start < entries.length; start += BATCH) {
    const batch = entries.slice(start, start + BATCH);
    const driver = context.links.driverOf((batch[0] as DesiredEntry).host);
    const observed = await driver.observe(
      batch.map(({ request }) => request),
      { signal: context.stopping },
    );
    for (const [i, entry] of batch.entries()) judgeLook(context, entry, observed[i]);
  }
}

/** Of a host that cannot be asked: what is wrong is said of each instance, whose passes fail for the same reason. */
export function leaveToPasses({ state, queue }: WatchContext, entries: readonly DesiredEntry[]): void {
  for (const { instance } of entries) if (!isBackingOff(state.runtimes.get(instance.slug))) queue.add(instance.slug);
}

function judgeLook(context: WatchContext, entry: DesiredEntry, observed: ObservedTenant | undefined): void {
  const { state, queue } = context;
  const { slug } = entry.instance;
  const runtime = state.runtimes.get(slug);
  if (!runtime || (observed && runtime.inSync === observed)) return;
  if (observed?.error === null && !hasWork(entry.tenant, observed)) {
    // One that is worked on right now is for its pass to judge.
    if (!queue.isWorking(slug)) settle(context, entry, runtime, inSyncPass(entry, observed));
    return;
  }
  if (runtime.unreachable) queue.forget(slug);
  else if (isBackingOff(runtime)) return;
  queue.add(slug);
}

/** What a pass would say of it, without asking once more. */
function inSyncPass({ instance }: DesiredEntry, observed: ObservedTenant): Pass {
  const { slug, host, fleet, imageTag } = instance;
  const item = {
    slug,
    host,
    fleet,
    imageTag,
    result: 'inSync' as const,
    plan: null,
    diffs: [],
    applied: null,
    error: null,
  };
  return { item, terminal: false, record: null, rolledBack: false, observed };
}

/** It failed, and its next try is planned: whatever happens on its host, it is not tried sooner. */
export function isBackingOff(runtime: InstanceRuntime | undefined): boolean {
  return runtime !== undefined && runtime.status.failures > 0;
}
