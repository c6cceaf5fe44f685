import type { EngineApi } from '../engine/engine-api.js';
import type { ContainerEvent } from '../engine/engine-events.js';

export interface ContainerWatchOptions {
  signal: AbortSignal;
  onEvent: (event: ContainerEvent) => void;
  /** The engine has begun to tell: what happened before may have been missed. */
  onConnect: () => void;
  /** The engine does not tell; it is asked again later. Called for each failed attempt and each stream that ended. */
  onLost: () => void;
  backoff?: Backoff;
}

export interface Backoff {
  minMs: number;
  maxMs: number;
}

const BACKOFF: Backoff = { minMs: 500, maxMs: 15_000 };

/**
 * Follows the engine's events until `signal` ends it, and connects again whenever the stream ends. The wait between
 * attempts doubles, from the least to the greatest, unless the stream had lived for longer than the greatest: an engine
 * that cuts each stream at once is not asked all the time. Never rejects.
 */
export async function watchContainers(engine: EngineApi, options: ContainerWatchOptions): Promise<void> {
  const { signal, backoff = BACKOFF } = options;
  for (let attempt = 0; !signal.aborted; attempt += 1) {
    const begun = performance.now();
    await follow(engine, options).catch(() => undefined);
    if (signal.aborted) return;
    options.onLost();
    if (performance.now() - begun > backoff.maxMs) attempt = 0;
    await pause(waitMs(attempt, backoff), signal);
  }
}

async function follow(engine: EngineApi, { signal, onConnect, onEvent }: ContainerWatchOptions): Promise<void> {
  const events = await engine.events({ signal });
  onConnect();
  for await (const event of events) onEvent(event);
}

/** Between half of the wait and all of it, so that the agents of many hosts do not come back at once; at least the least. */
function waitMs(attempt: number, { minMs, maxMs }: Backoff): number {
  const ceiling = Math.min(maxMs, minMs * 2 ** Math.min(attempt + 1, 20));
  return Math.max(minMs, ceiling * (0.5 + Math.random() / 2));
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}
