import { leaveToPasses, lookAt } from './look-at.js';
import type { WatchContext } from './watch-context.js';

/** What comes within this time is asked for in one request. */
const GATHER_MS = 200;

/** Looks at single instances without a slot of the queue: after applies, of which there may be thousands. */
export function createGatheredLooks(context: () => WatchContext): (slug: string) => void {
  /** By host. A host with slugs has a timer, and no other. */
  const soon = new Map<string, Set<string>>();

  function look(slug: string): void {
    const host = context().state.entries.get(slug)?.host.name;
    if (host === undefined) return;
    const slugs = soon.get(host);
    if (slugs) slugs.add(slug);
    else {
      soon.set(host, new Set([slug]));
      context().deps.clock.after(GATHER_MS, () => void lookNow(host));
    }
  }

  async function lookNow(host: string): Promise<void> {
    const { state, queue, stopping } = context();
    const slugs = [...(soon.get(host) ?? [])];
    soon.delete(host);
    for (const slug of slugs) if (queue.isWorking(slug)) look(slug);
    const entries = slugs
      .flatMap((slug) => state.entries.get(slug) ?? [])
      .filter(({ instance }) => !queue.isWorking(instance.slug));
    const there = entries.filter((entry) => entry.host.name === host);
    try {
      await lookAt(context(), there);
    } catch {
      if (!stopping.aborted) leaveToPasses(context(), there);
    }
  }

  return look;
}
