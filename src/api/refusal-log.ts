import type { Logger } from '../log.js';

export interface RefusalLog {
  /** A webhook was refused. */
  refused(provider: string): void;
  /** Writes what was counted and not written yet. */
  close(): void;
}

/** How often a line may be written, in milliseconds. */
const INTERVAL_MS = 10_000;

/** Logs refused webhooks: the first at once, further ones counted, so that nobody can fill the disk from outside. */
export function createRefusalLog(log: Pick<Logger, 'warn'>): RefusalLog {
  let counts = new Map<string, number>();
  /** Set from a line on, for as long as no other may be written. */
  let pause: NodeJS.Timeout | undefined;
  const write = () => {
    pause = undefined;
    if (counts.size === 0) return;
    log.warn({ refused: Object.fromEntries(counts) }, 'refused webhooks without a good signature');
    counts = new Map();
    pause = setTimeout(write, INTERVAL_MS).unref();
  };
  return {
    refused(provider) {
      counts.set(provider, (counts.get(provider) ?? 0) + 1);
      if (pause === undefined) write();
    },
    close() {
      clearTimeout(pause);
      write();
      clearTimeout(pause);
    },
  };
}
