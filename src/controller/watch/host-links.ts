import type { HostEvent, TenantDriver } from '../../agent-client/tenant-driver.js';
import type { DesiredHost } from '../../manifest/desired-state.js';
import { isSameHost } from './desired-entry.js';

export interface HostLinksOptions {
  /** @throws FlotillaError when there is no way to the host */
  openDriver(host: DesiredHost): TenantDriver;
  /** Something happened on a host. The first event of each connection is a resync. */
  onEvent(host: string, event: HostEvent): void;
  /** The stream broke in a way that no driver should: until the next resync nothing is heard of that host. */
  onBroken(host: string, error: unknown): void;
}

/** The ways to the hosts: one driver each, and one stream of its events, for as long as the host is desired. */
export interface HostLinks {
  /** Opens what is new, closes what is gone or has moved. */
  set(hosts: Iterable<DesiredHost>): void;
  /** By the host's name, as it is desired now. @throws FlotillaError when there is no way to it */
  driverOf(host: DesiredHost): TenantDriver;
  names(): string[];
  close(): Promise<void>;
}

interface Link {
  host: DesiredHost;
  driver: TenantDriver | null;
  ending: AbortController;
}

export function createHostLinks({ openDriver, onEvent, onBroken }: HostLinksOptions): HostLinks {
  const links = new Map<string, Link>();

  function open(host: DesiredHost): Link {
    const link: Link = { host, driver: null, ending: new AbortController() };
    links.set(host.name, link);
    return link;
  }

  /** Listening begins with the first use, and so after a way to the host was found. */
  function driverOf(link: Link): TenantDriver {
    if (link.driver) return link.driver;
    link.driver = openDriver(link.host);
    listen(link.driver, link).catch((error: unknown) => onBroken(link.host.name, error));
    return link.driver;
  }

  async function listen(driver: TenantDriver, { host, ending }: Link): Promise<void> {
    for await (const event of driver.events({ signal: ending.signal })) {
      if (ending.signal.aborted) return;
      onEvent(host.name, event);
    }
  }

  async function drop(link: Link): Promise<void> {
    link.ending.abort();
    await link.driver?.close();
  }

  return {
    set(hosts) {
      const wanted = new Map([...hosts].map((host) => [host.name, host]));
      for (const [name, link] of links) {
        const host = wanted.get(name);
        if (host && isSameHost(host, link.host)) continue;
        links.delete(name);
        void drop(link);
      }
      for (const host of wanted.values()) if (!links.has(host.name)) open(host);
    },
    driverOf: (host) => driverOf(links.get(host.name) ?? open(host)),
    names: () => [...links.keys()],
    async close() {
      await Promise.all([...links.values()].map(drop));
      links.clear();
    },
  };
}
