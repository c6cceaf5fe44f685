import type { HostEvent } from '../../agent-client/tenant-driver.js';
import type { TenantHost } from '../tenant-host.js';
import { createEventQueue, type EventQueue } from './event-queue.js';
import { createObservedInstances, type ObservedInstances } from './observed-instances.js';
import type { HostWatch, HostWatchOptions } from './watch-host.js';

/** What happens on a host, told to any number of listeners; one set of watches and one engine stream serve all of them. */
export interface HostEvents extends Pick<ObservedInstances, 'expect' | 'note'> {
  /** See TenantDriver.events. Each iteration is a listener of its own. */
  listen(options: { signal: AbortSignal }): AsyncIterable<HostEvent>;
  /** Ends all listeners. */
  close(): void;
}

/** What runs while somebody listens. */
interface Session {
  ending: AbortController;
  ready: Promise<void>;
  watch?: HostWatch;
}

/**
 * Watches only while somebody listens. Each listener's first event is `resync`, given when the watches are in place: what
 * changes after the observation that follows is told. Our own writes and restarts are told like any others: events only
 * say where to look.
 */
export function createHostEvents(
  host: Pick<TenantHost, 'config' | 'engine'>,
  options: HostWatchOptions = {},
): HostEvents {
  const listeners = new Set<EventQueue>();
  let session: Session | undefined;
  let closed = false;
  const instances = createObservedInstances({
    onChange: (instance) => session?.watch?.files.watch(instance),
    onForget: (slug) => session?.watch?.files.forget(slug),
  });

  function tell(event: HostEvent): void {
    for (const listener of listeners) listener.push(event);
  }

  function openSession(): Session {
    const ending = new AbortController();
    const opened: Session = { ending, ready: start() };
    return opened;

    async function start(): Promise<void> {
      // Only now: most commands listen to nothing.
      const { watchHost } = await import('./watch-host.js');
      if (ending.signal.aborted) return;
      opened.watch = watchHost(host, instances, options, { signal: ending.signal, tell });
      await opened.watch.ready;
    }
  }

  function join(signal: AbortSignal): EventQueue {
    const over = closed || signal.aborted;
    if (!over) session ??= openSession();
    const queue = createEventQueue({ start: session?.ready ?? Promise.resolve(), onEnd: leave });
    listeners.add(queue);
    queue.push({ type: 'resync' });
    signal.addEventListener('abort', queue.end, { once: true });
    if (over) queue.end();
    return queue;

    function leave(): void {
      signal.removeEventListener('abort', queue.end);
      listeners.delete(queue);
      if (listeners.size > 0) return;
      session?.ending.abort();
      session = undefined;
    }
  }

  return {
    expect: instances.expect,
    note: instances.note,
    listen: ({ signal }) => ({ [Symbol.asyncIterator]: () => join(signal) }),
    close() {
      closed = true;
      for (const listener of [...listeners]) listener.end();
    },
  };
}
