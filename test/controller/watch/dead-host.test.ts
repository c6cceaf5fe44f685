import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createRemoteDriver } from '../../../src/agent-client/remote-driver.js';
import { FlotillaError } from '../../../src/errors.js';
import { loadIdentity } from '../../../src/pki/identity.js';
import { makePki } from '../../support/pki.js';
import { createSimFleet, type SimFleet } from '../../support/sim/sim-fleet.js';
import type { SimHost } from '../../support/sim/sim-host.js';

const SLUGS = ['acme', 'birch', 'cedar', 'dune', 'elm'];
const MINUTE_MS = 60_000;

let directory: string;
let fleet: SimFleet;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'flotilla-dead-'));
  fleet = createSimFleet();
});
afterEach(async () => {
  await fleet.cleanUp();
  vi.useRealTimers();
  rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
});

/** A port of this machine on which nobody listens. */
async function deadPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A host behind a real connection to an agent that is not there, whose circuit breaker goes by simulated time. */
async function die(host: SimHost) {
  const pki = await makePki(directory, { agents: [], now: fleet.clock.now() });
  const controller = loadIdentity(pki.controllers.controller as string);
  const url = `https://127.0.0.1:${await deadPort()}`;
  const seen = { asked: 0, leftAlone: 0, underWay: 0 };
  vi.useFakeTimers({ toFake: ['Date'], now: fleet.clock.now() });
  host.driver = () => {
    const real = createRemoteDriver({ name: 'east', url }, () => controller);
    return {
      ...real,
      async observe(requests, options) {
        vi.setSystemTime(fleet.clock.now());
        seen.underWay += 1;
        try {
          return await real.observe(requests, options);
        } catch (error) {
          const isLeftAlone = error instanceof FlotillaError && (error.hint ?? '').includes('left alone');
          seen[isLeftAlone ? 'leftAlone' : 'asked'] += 1;
          throw error;
        } finally {
          seen.underWay -= 1;
        }
      },
    };
  };
  return seen;
}

it('decides once of each instance of a host that does not answer for six hours, also after a restart', async () => {
  for (const slug of SLUGS) fleet.instance(slug);
  const seen = await die(fleet.host('east'));
  /** Asking takes real time. */
  const pass = async (minutes: number) => {
    for (let i = 0; i < minutes; i += 1) {
      await fleet.clock.advance(MINUTE_MS);
      while (seen.underWay > 0) await setImmediate();
    }
  };
  await fleet.start();
  await pass(3 * 60);
  await fleet.stop();
  await fleet.start();
  await pass(3 * 60);

  for (const slug of SLUGS) {
    expect(await fleet.reasons(slug)).toEqual(['HostUnreachable']);
    expect(await fleet.conditions(slug)).toBe('Ready=Unknown:HostUnreachable Reconciling=True:HostUnreachable');
  }
  // It is the host that failed at times, and the breaker at others.
  expect(seen.asked).toBeGreaterThan(100);
  expect(seen.leftAlone).toBeGreaterThan(100);
});
