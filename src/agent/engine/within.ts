import { linkSignals } from './link-signals.js';

/**
 * Does `run` with a signal of its own, aborted after `timeoutMs` or along with `outer`. Nothing is left in `outer` when it
 * has ended, and no timer. When the signal is aborted and `outer` is not, it was the time.
 *
 * @returns what `run` does, also when that heeds no signal
 */
export async function within<T>(
  timeoutMs: number,
  outer: AbortSignal | undefined,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const clock = new AbortController();
  const timer = setTimeout(() => clock.abort(new DOMException('time is up', 'TimeoutError')), timeoutMs);
  const { signal, unlink } = linkSignals([outer, clock.signal]);
  try {
    return await run(signal);
  } finally {
    clearTimeout(timer);
    unlink();
  }
}
