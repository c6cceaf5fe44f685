/** What comes within this time is written at once: one wait for the disk for all of it. */
const GATHER_MS = 20;
/** From the end of one round to the next: there is one wait for the disk for all that comes meanwhile. */
const PAUSE_MS = 100;
const FIRST_RETRY_MS = 1_000;
const MOST_RETRY_MS = 30_000;

/** When to write: a short while after something came, one round at a time, and after failures ever more rarely. */
export interface WriteLoop {
  /** Something waits. */
  wake(): void;
  /** Writes at once, also between retries, for so long at most. Gives whether nothing waits any more. */
  flush(timeoutMs: number): Promise<boolean>;
  /** Ends it, after the round that is under way. */
  close(): Promise<void>;
}

/** @param writeAll one round: gives whether it succeeded, and never rejects */
export function createWriteLoop(isEmpty: () => boolean, writeAll: () => Promise<boolean>): WriteLoop {
  /** Rounds in a row. */
  let failures = 0;
  let closed = false;
  /** On the monotonic clock: no round begins before. */
  let notBeforeMs = 0;
  let timer: NodeJS.Timeout | undefined;
  /** The one that is under way; there is no timer meanwhile. */
  let round: Promise<void> | undefined;

  const schedule = (ms: number): void => {
    timer = setTimeout(() => void startRound(), ms);
  };
  const gatherMs = () => Math.max(GATHER_MS, notBeforeMs - performance.now());
  const startRound = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    round ??= writeAll().then((succeeded) => {
      failures = succeeded ? 0 : failures + 1;
      round = undefined;
      notBeforeMs = performance.now() + PAUSE_MS;
      if (!closed && !isEmpty()) schedule(succeeded ? gatherMs() : retryMs(failures));
    });
    return round;
  };

  return {
    wake() {
      if (!closed && round === undefined && timer === undefined) schedule(gatherMs());
    },
    async flush(timeoutMs) {
      const until = performance.now() + timeoutMs;
      // The round that is under way has not seen all; after one of its own that failed there is no use in another at once.
      for (let tries = 0; tries < 2 || failures === 0; tries += 1) {
        if (closed || isEmpty() || performance.now() >= until) break;
        await within(startRound(), until - performance.now());
      }
      return isEmpty();
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await round;
    },
  };
}

function retryMs(failures: number): number {
  return Math.min(MOST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1));
}

/** Resolves when the work has ended or the time is over. */
async function within(work: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, over]);
  clearTimeout(timer);
}
