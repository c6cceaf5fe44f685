import PQueue from 'p-queue';
import type { FlotillaError } from '../../errors.js';
import type { ObservedTenant } from '../../plan/observed.js';
import { hasWork } from '../../plan/plan-tenant.js';
import { toItemError } from '../to-item-error.js';
import type { DesiredEntry } from './desired-entry.js';
import { entriesOf } from './fleet-state.js';
import { createHostTrouble } from './host-trouble.js';
import type { Pass } from './instance-pass.js';
import type { InstanceRuntime } from './instance-runtime.js';
import type { WatchContext } from './watch-context.js';
import { settle } from './work-instance.js';

/** How many instances are asked for in one request. */
const BATCH = 500;
/** Hosts that are looked at at once: what thousands of instances look like is in memory until it is judged. */
const AT_ONCE = 16;
/** When a host that could not be looked at is asked again. */
const AGAIN_MS = 15_000;

/** Looks at all instances of a host at once: those in order are done with, the others are enqueued. */
export interface HostSweeps {
  /** Soon; once more when one is under way; again and again while the host cannot be looked at. */
  sweep(host: string): void;
}

export function createHostSweeps(context: () => WatchContext): HostSweeps {
  const running = new Set<string>();
  const slots = new PQueue({ concurrency: AT_ONCE });
  const wanted = new Set<string>();
  /** Hosts that could be looked at the last time. */
  const answering = new Set<string>();
  /** Hosts that could not be looked at, and are asked again by the clock. */
  const waiting = new Set<string>();
  const trouble = createHostTrouble(context);

  async function run(host: string): Promise<void> {
    running.add(host);
    while (wanted.delete(host) && !context().stopping.aborted) {
      const failure = await slots.add(() => sweepOnce(context(), host));
      if (context().stopping.aborted) break;
      if (failure) noteFailure(host, failure);
      else noteLook(host);
      tellHosts();
    }
    running.delete(host);
  }

  /** Where there is nothing to look at, nobody was asked. */
  function noteLook(host: string): void {
    if (trouble.isFailing(host) && entriesOf(context().state, host).length === 0) return;
    answering.add(host);
    trouble.looked(host);
  }

  function noteFailure(host: string, failure: Failure): void {
    answering.delete(host);
    trouble.failed(host, failure, entriesOf(context().state, host).length);
    againLater(host);
  }

  /** Whatever its instances wait for meanwhile: the first answer of the host ends it. */
  function againLater(host: string): void {
    if (waiting.has(host)) return;
    waiting.add(host);
    context().deps.clock.after(AGAIN_MS, () => {
      waiting.delete(host);
      if (context().links.names().includes(host)) sweep(host);
    });
  }

  function sweep(host: string): void {
    wanted.add(host);
    if (!running.has(host)) void run(host);
  }

  function tellHosts(): void {
    const { links, deps } = context();
    const names = links.names();
    for (const name of answering) if (!names.includes(name)) answering.delete(name);
    trouble.keep(names);
    deps.observer.hosts({ connected: answering.size, total: names.length });
  }

  return { sweep };
}

type Failure = Pick<FlotillaError, 'code' | 'message'>;

/** @returns why the host could not be looked at; null when it could */
async function sweepOnce(context: WatchContext, host: string): Promise<Failure | null> {
  const { state, links, stopping, deps, queue } = context;
  const entries = entriesOf(state, host);
  try {
    for (let start = 0; start < entries.length; start += BATCH) {
      const batch = entries.slice(start, start + BATCH);
      const driver = links.driverOf((batch[0] as DesiredEntry).host);
      const observed = await driver.observe(
        batch.map(({ request }) => request),
        { signal: stopping },
      );
      for (const [i, entry] of batch.entries()) look(context, entry, observed[i]);
    }
    return null;
  } catch (error) {
    if (stopping.aborted) return null;
    // What is wrong is said of each instance: their passes fail for the same reason, and are tried again.
    const { code, message } = toItemError(error);
    deps.log.warn({ host, code, instances: entries.length }, 'host cannot be looked at');
    for (const { instance } of entries) if (!isBackingOff(state.runtimes.get(instance.slug))) queue.add(instance.slug);
    return { code, message };
  }
}

function look(context: WatchContext, entry: DesiredEntry, observed: ObservedTenant | undefined): void {
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
