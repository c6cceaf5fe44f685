import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import type { HostEvent } from '../../../src/agent-client/tenant-driver.js';

/** A listener to events, and what it has been told so far. */
export interface Listening {
  told: string[];
  /** Waits until all of these were told, in any order; fails after `withinMs`. Then forgets what was told. */
  until(...texts: string[]): Promise<void>;
  /** What is told within this time from now. */
  within(ms: number): Promise<string[]>;
  stop(): Promise<void>;
}

/** Such as `file acme nginx/x.conf`, `container acme web die`, `resync`. */
function printEvent(event: HostEvent): string {
  return Object.values(event).join(' ');
}

/** Listens until the test has ended. */
export function listenTo(
  listen: (options: { signal: AbortSignal }) => AsyncIterable<HostEvent>,
  withinMs = 10_000,
): Listening {
  const ending = new AbortController();
  const told: string[] = [];
  const ended = (async () => {
    for await (const event of listen({ signal: ending.signal })) told.push(printEvent(event));
  })();
  const stop = async () => {
    ending.abort();
    await ended;
  };
  onTestFinished(stop);
  return {
    told,
    stop,
    async until(...texts) {
      const deadline = Date.now() + withinMs;
      while (!texts.every((text) => told.includes(text))) {
        if (Date.now() > deadline) throw new Error(`${texts.join(', ')} not told in time, but ${told.join(', ')}`);
        await sleep(5);
      }
      told.length = 0;
    },
    async within(ms) {
      told.length = 0;
      await sleep(ms);
      return told.splice(0);
    },
  };
}
