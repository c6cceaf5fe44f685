import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { HostEvent, TenantDriver } from '../../../src/agent-client/tenant-driver.js';
import { createHostLinks } from '../../../src/controller/watch/host-links.js';
import { FlotillaError } from '../../../src/errors.js';
import type { DesiredHost } from '../../../src/manifest/desired-state.js';

const host = (name: string, agent = `https://${name}.example.org`) => ({ name, agent }) as unknown as DesiredHost;

/** Links to hosts that tell nothing by themselves. `log` is what became of them, in order. */
function setUp() {
  const log: string[] = [];
  const tell = new Map<string, (event: HostEvent) => void>();
  const breaking = new Set<string>();
  const closed = new Set<string>();
  const links = createHostLinks({
    openDriver(desired) {
      const { name, agent } = desired as unknown as { name: string; agent: string };
      if (agent === 'none') throw new FlotillaError('PkiInvalid', 'no certificate');
      log.push(`opened ${name} ${agent}`);
      return {
        events: ({ signal }: { signal: AbortSignal }) => listen(name, signal),
        async close() {
          closed.add(agent);
          log.push(`closed ${name} ${agent}`);
        },
      } as unknown as TenantDriver;
    },
    onEvent: (name, event) => log.push(`${name}: ${event.type}`),
    onBroken: (name, error) => log.push(`${name}: ${(error as Error).message}`),
  });

  async function* listen(name: string, signal: AbortSignal): AsyncGenerator<HostEvent> {
    if (breaking.has(name)) throw new Error('the stream broke');
    while (!signal.aborted) {
      yield await new Promise<HostEvent>((resolve) => {
        tell.set(name, resolve);
        signal.addEventListener('abort', () => resolve({ type: 'resync' }), { once: true });
      });
    }
  }

  async function emit(name: string, event: HostEvent): Promise<void> {
    await settle();
    tell.get(name)?.(event);
    await settle();
  }
  return { links, log, emit, breaking };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await setImmediate();
}

it('opens a way to a host when it is first used, and keeps it', () => {
  const { links, log } = setUp();
  links.set([host('east'), host('west')]);
  expect(links.names()).toEqual(['east', 'west']);
  expect(log).toEqual([]);
  expect(links.driverOf(host('east'))).toBe(links.driverOf(host('east')));
  expect(log).toEqual(['opened east https://east.example.org']);
});

it('passes on what a host tells for as long as it is desired, and nothing afterwards', async () => {
  const { links, log, emit } = setUp();
  links.set([host('east')]);
  links.driverOf(host('east'));
  await emit('east', { type: 'container', slug: 'acme', service: 'web', action: 'die' });
  links.set([]);
  await emit('east', { type: 'file', slug: 'acme', path: 'a' });
  expect(log.slice(1)).toEqual(['east: container', 'closed east https://east.example.org']);
  expect(links.names()).toEqual([]);
});

it('leaves what is desired as before alone, and opens anew what has moved', async () => {
  const { links, log } = setUp();
  links.set([host('east'), host('west')]);
  const [east, west] = [links.driverOf(host('east')), links.driverOf(host('west'))];
  links.set([host('east', 'https://other.example.org'), host('west')]);
  expect(links.driverOf(host('west'))).toBe(west);
  expect(links.driverOf(host('east', 'https://other.example.org'))).not.toBe(east);
  await settle();
  expect(log.slice(2)).toEqual(['closed east https://east.example.org', 'opened east https://other.example.org']);
});

it('tries again to find a way to a host to which there was none', () => {
  const { links } = setUp();
  links.set([host('east', 'none')]);
  expect(() => links.driverOf(host('east', 'none'))).toThrow('no certificate');
  links.set([host('east')]);
  expect(links.driverOf(host('east'))).toBeDefined();
});

it('says so when a host can no longer be heard, and still works with it', async () => {
  const { links, log, breaking } = setUp();
  breaking.add('east');
  links.set([host('east')]);
  const driver = links.driverOf(host('east'));
  await settle();
  expect(log).toContain('east: the stream broke');
  expect(links.driverOf(host('east'))).toBe(driver);
});

it('closes every way it has opened', async () => {
  const { links, log } = setUp();
  links.set([host('east'), host('west'), host('north')]);
  links.driverOf(host('east'));
  links.driverOf(host('west'));
  await links.close();
  expect(log.filter((line) => line.startsWith('closed')).length).toBe(2);
  expect(links.names()).toEqual([]);
});
