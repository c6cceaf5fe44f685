import type { HostEvent } from '../../agent-client/tenant-driver.js';

/** What one listener has not taken yet. Its memory is bounded, however slow the listener is. */
export interface EventQueue extends AsyncIterator<HostEvent, undefined> {
  push(event: HostEvent): void;
  /** The listener gets no more. */
  end(): void;
}

type Taken = IteratorResult<HostEvent, undefined>;

/**
 * Of events that say the same, but for the action, the last one stays. A `resync` takes the place of all others: who
 * looks at everything needs no hints; so do more than `limit` events.
 *
 * @param start the first event is given when it resolves; it must not reject
 * @param onEnd called once
 */
export function createEventQueue(options: { start: Promise<void>; limit?: number; onEnd: () => void }): EventQueue {
  const limit = options.limit ?? 1_000;
  const waiting = new Map<string, HostEvent>();
  const takers: ((taken: Taken) => void)[] = [];
  let started = false;
  let ended = false;

  function push(event: HostEvent): void {
    if (ended || waiting.has('resync')) return;
    if (event.type === 'resync' || waiting.size >= limit) {
      waiting.clear();
      waiting.set('resync', { type: 'resync' });
    } else {
      waiting.set(keyOf(event), event);
    }
    hand();
  }

  function hand(): void {
    while (started && takers.length > 0) {
      const next = waiting.entries().next();
      if (next.done) return;
      waiting.delete(next.value[0]);
      takers.shift()?.({ done: false, value: next.value[1] });
    }
  }

  function end(): void {
    if (ended) return;
    ended = true;
    waiting.clear();
    for (const take of takers.splice(0)) take({ done: true, value: undefined });
    options.onEnd();
  }

  void options.start.then(() => {
    started = true;
    hand();
  });
  return {
    push,
    end,
    next: () =>
      new Promise((resolve) => {
        if (ended) return resolve({ done: true, value: undefined });
        takers.push(resolve);
        hand();
      }),
    return: () => {
      end();
      return Promise.resolve({ done: true, value: undefined });
    },
  };
}

function keyOf(event: Exclude<HostEvent, { type: 'resync' }>): string {
  return JSON.stringify([event.type, event.slug, event.type === 'file' ? event.path : event.service]);
}
