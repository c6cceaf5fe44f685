/** What comes within this time is written at once: one wait for the disk for all of it. */
const GATHER_MS = 100;
/** Writing keeps the process from other work: it may take this part of its time, as long as the wait does not get longer than this. */
const PART = 1 / 40;
const MOST_GATHER_MS = 1_000;
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
  /** The last round. */
  let tookMs = 0;
  let timer: NodeJS.Timeout | undefined;
  /** The one that is under way; there is no timer meanwhile. */
  let round: Promise<void> | undefined;

  const schedule = (ms: number): void => {
    timer = setTimeout(() => void startRound(), ms);
  };
  const startRound = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    const begunMs = performance.now();
    round ??= writeAll().then((succeeded) => {
      failures = succeeded ? 0 : failures + 1;
      round = undefined;
      tookMs = performance.now() - begunMs;
      if (!closed && !isEmpty()) schedule(succeeded ? gatherMs(tookMs) : retryMs(failures));
    });
    return round;
  };

  return {
    wake() {
      if (!closed && round === undefined && timer === undefined) schedule(gatherMs(tookMs));
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

function gatherMs(tookMs: number): number {
  return Math.max(GATHER_MS, Math.min(MOST_GATHER_MS, tookMs / PART));
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
