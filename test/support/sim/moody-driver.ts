import type { TenantDriver } from '../../../src/agent-client/tenant-driver.js';
import { FlotillaError } from '../../../src/errors.js';
import type { SimHost } from './sim-host.js';

/** How a host answers when it is looked at: as it should, with what nobody understands, or not at all. */
export type Mood = 'well' | 'garbage' | 'tooFew' | 'never';

/** Lets a simulated host have moods; to be called before it is used. Gives what sets its mood. */
export function giveMoods(host: SimHost): (mood: Mood) => void {
  let mood: Mood = 'well';
  const { driver } = host;
  host.driver = () => {
    const real = driver();
    return {
      ...real,
      async observe(requests, options) {
        if (mood === 'garbage') throw new FlotillaError('AnswerInvalid', 'the host answers what no agent answers');
        if (mood === 'tooFew') return [];
        if (mood === 'never') return untilAborted(options?.signal);
        return real.observe(requests, options);
      },
    } satisfies TenantDriver;
  };
  return (next) => {
    mood = next;
  };
}

function untilAborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    const end = () => reject(new FlotillaError('Cancelled', 'cancelled'));
    if (signal?.aborted) end();
    signal?.addEventListener('abort', end, { once: true });
  });
}
