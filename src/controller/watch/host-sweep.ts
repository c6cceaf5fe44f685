import PQueue from 'p-queue';
import type { FlotillaError } from '../../errors.js';
import { toItemError } from '../to-item-error.js';
import { entriesOf } from './fleet-state.js';
import { createGatheredLooks } from './gathered-looks.js';
import { createHostTrouble } from './host-trouble.js';
import { leaveToPasses, lookAt } from './look-at.js';
import type { WatchContext } from './watch-context.js';

/** Hosts that are looked at at once: what thousands of instances look like is in memory until it is judged. */
const AT_ONCE = 16;
/** When a host that could not be looked at is asked again. */
const AGAIN_MS = 15_000;

/** Looks at all instances of a host at once: those in order are done with, the others are enqueued. */
export interface HostSweeps {
  /** Soon; once more when one is under way; again and again while the host cannot be looked at. */
  sweep(host: string): void;
  /** Looks at one instance soon, in one request with others of its host. One that is worked on is looked at afterwards. */
  look(slug: string): void;
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

  return { sweep, look: createGatheredLooks(context) };
}

type Failure = Pick<FlotillaError, 'code' | 'message'>;

/** @returns why the host could not be looked at; null when it could */
async function sweepOnce(context: WatchContext, host: string): Promise<Failure | null> {
  const { state, stopping, deps } = context;
  const entries = entriesOf(state, host);
  try {
    await lookAt(context, entries);
    return null;
  } catch (error) {
    if (stopping.aborted) return null;
    const { code, message } = toItemError(error);
    deps.log.warn({ host, code, instances: entries.length }, 'host cannot be looked at');
    leaveToPasses(context, entries);
    return { code, message };
  }
}
