export interface DebounceOptions {
  quietMs: number;
  /** At most this long after the first change, even if changes keep coming. */
  longestMs: number;
  /** Never runs twice at the same time; a change meanwhile is followed by another run. Must not throw. */
  run: () => Promise<void>;
}

/** Many changes, one run: once it has been quiet for a while. */
export function createDebounce({ quietMs, longestMs, run }: DebounceOptions): { touch(): void; stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  /** When the first change came that no run has answered yet. */
  let firstAt: number | null = null;
  let running = false;
  let stopped = false;

  async function fire(): Promise<void> {
    firstAt = null;
    running = true;
    await run();
    running = false;
    if (firstAt !== null) schedule();
  }

  function schedule(): void {
    clearTimeout(timer);
    if (stopped || firstAt === null) return;
    const left = Math.max(0, firstAt + longestMs - performance.now());
    timer = setTimeout(() => void fire(), Math.min(quietMs, left));
  }

  return {
    touch() {
      firstAt ??= performance.now();
      if (!running) schedule();
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
