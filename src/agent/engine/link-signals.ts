export interface LinkedSignal {
  /** Aborted with the first source that is, for its reason. */
  signal: AbortSignal;
  /** To be called at the end, whatever that was: the sources then know nothing of this signal any more. */
  unlink(): void;
}

/**
 * A signal of one's own that is aborted along with any of `sources`, which may live as long as the process.
 * `AbortSignal.any` leaves about 60 bytes in each source for ever, on Node 20; this leaves nothing once it is unlinked.
 */
export function linkSignals(sources: readonly (AbortSignal | undefined)[]): LinkedSignal {
  const controller = new AbortController();
  const unlinks: (() => void)[] = [];
  for (const source of sources) {
    if (source === undefined) continue;
    if (source.aborted) controller.abort(source.reason);
    const onAbort = () => controller.abort(source.reason);
    source.addEventListener('abort', onAbort, { once: true });
    unlinks.push(() => source.removeEventListener('abort', onAbort));
  }
  return {
    signal: controller.signal,
    unlink: () => {
      for (const unlink of unlinks) unlink();
    },
  };
}
