import type { Decision } from '../../history/history-store.js';
import type { InstanceStatus } from '../../history/instance-status.js';
import type { Notice } from '../../notify/notifier.js';
import type { WorkQueue } from '../queue/work-queue.js';
import { countInstances, createFleetState, type FleetState } from './fleet-state.js';
import type { HostLinks } from './host-links.js';
import type { InstanceRuntime } from './instance-runtime.js';
import { isSameStatus } from './next-status.js';
import type { WatchDeps, WatchSettings } from './watch-deps.js';

/** What the parts of one daemon share. */
export interface WatchContext {
  deps: WatchDeps;
  settings: WatchSettings;
  state: FleetState;
  queue: WorkQueue;
  links: HostLinks;
  /** Looks at an instance soon, together with others of its host; it is enqueued if there is something to do. */
  look(slug: string): void;
  /** Aborted when the daemon stops: what has changed nothing yet ends. */
  stopping: AbortSignal;
  /** Keeps a status, and writes it when anybody would notice. */
  setStatus(runtime: InstanceRuntime, status: InstanceStatus): void;
  /** Says something once: nothing when it was the last thing said of that instance. */
  say(runtime: InstanceRuntime, decision: Said): void;
  /** Says something of the fleet as a whole, or of an instance that is no more. */
  announce(decision: Said & { slug?: string; host?: string; revision?: string }): void;
  notify(notice: Omit<Notice, 'at'>): void;
  /** An instance is no more. */
  forget(slug: string): void;
}

type Said = Pick<Decision, 'type' | 'reason' | 'message'>;

/** Gauges follow changes after so long: counting ten thousand instances at each change would be the most work of all. */
const COUNT_AFTER_MS = 1_000;

export function createWatchContext(
  parts: Pick<WatchContext, 'deps' | 'settings' | 'links' | 'look' | 'stopping'> & {
    queue(): WorkQueue;
    statuses: readonly InstanceStatus[];
  },
): WatchContext {
  const { deps, settings, links, look, stopping, statuses } = parts;
  const { writer, observer, notifier, clock, now } = deps;
  const state = createFleetState(statuses);
  let counting = false;

  function countSoon(): void {
    if (counting) return;
    counting = true;
    clock.after(COUNT_AFTER_MS, () => {
      counting = false;
      observer.instances(countInstances(state));
    });
  }

  function decide(decision: Said, about: Pick<Decision, 'slug' | 'host' | 'revision'>): void {
    writer.recordDecision({ at: now().toISOString(), ...about, ...decision });
  }

  return {
    deps,
    settings,
    state,
    get queue() {
      return parts.queue();
    },
    links,
    look,
    stopping,
    setStatus(runtime, status) {
      if (isSameStatus(runtime.status, status)) return;
      runtime.status = status;
      writer.recordStatus(status);
      countSoon();
    },
    say(runtime, decision) {
      const said = `${decision.reason} ${decision.message}`;
      if (said === runtime.said) return;
      runtime.said = said;
      decide(decision, { slug: runtime.status.slug, host: runtime.status.host, revision: state.revision });
    },
    announce: ({ slug = null, host = null, revision = state.revision, ...decision }) =>
      decide(decision, { slug, host, revision }),
    notify: (notice) => notifier.tell({ ...notice, at: now().toISOString() }),
    forget(slug) {
      state.runtimes.delete(slug);
      writer.forget(slug);
      countSoon();
    },
  };
}
