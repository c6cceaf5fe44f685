import { setTimeout } from 'node:timers/promises';
import type { HistoryStore } from '../../history/history-store.js';
import { EXIT_DONE, EXIT_INTERRUPTED } from '../exit-code.js';
import { listenForInterrupts } from '../interrupt.js';

/** As `followHistory`, until Ctrl-C. Gives the exit code. */
export async function followUntilInterrupted(
  store: Pick<HistoryStore, 'version'>,
  look: () => Promise<boolean>,
  everyMs: number,
): Promise<number> {
  const interrupt = listenForInterrupts({ active: () => [], say: () => undefined });
  try {
    await followHistory(store, look, { everyMs, signal: interrupt.signal });
    return interrupt.signal.aborted ? EXIT_INTERRUPTED : EXIT_DONE;
  } finally {
    interrupt.dispose();
  }
}

/**
 * Calls `look` at once, and again whenever anybody has written, until it gives true or `signal` is aborted.
 *
 * @throws what the store and `look` throw
 */
async function followHistory(
  store: Pick<HistoryStore, 'version'>,
  look: () => Promise<boolean>,
  { everyMs, signal }: { everyMs: number; signal: AbortSignal },
): Promise<void> {
  let seen: number | undefined;
  while (!signal.aborted) {
    // Asked for before looking: what is written meanwhile is looked at the next time.
    const version = await store.version();
    if (version !== seen) {
      seen = version;
      if (await look()) return;
    }
    await pause(everyMs, signal);
  }
}

/** Waits for so long, or until `signal` is aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await setTimeout(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
