import { Agent } from 'undici';
import { loadIdentity } from '../../src/pki/identity.js';
import type { WatchFleet } from './watch-fleet.js';

/** The least that a heal costs, from the event on: one observation, one look at the files, one durable write. */
export interface FloorClient {
  /** @returns how long it took, in milliseconds */
  heal(host: string, slug: string): Promise<number>;
  close(): Promise<void>;
}

export function createFloorClient({ agents }: WatchFleet): FloorClient {
  const { ca, cert, key } = loadIdentity(agents.controller);
  const dispatcher = new Agent({ connect: { ca, cert, key }, keepAliveTimeout: 600_000 });
  return {
    async heal(host, slug) {
      const origin = `https://127.0.0.1:${agents.ports.get(host)?.floor}`;
      const begun = performance.now();
      for (const task of ['observe', 'inspect', 'write']) {
        const answer = await dispatcher.request({ origin, path: `/${task}/${slug}`, method: 'POST', body: BODY });
        const text = await answer.body.text();
        if (answer.statusCode !== 200) throw new Error(text);
      }
      return performance.now() - begun;
    },
    close: () => dispatcher.close(),
  };
}

/** As large as what Flotilla sends of one instance of this fleet. */
const BODY = Buffer.alloc(8_000, ' ');
