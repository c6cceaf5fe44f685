import type { RemoteHost } from '../agent-client/remote-errors.js';
import type { TenantDriver } from '../agent-client/tenant-driver.js';
import { FlotillaError } from '../errors.js';
import type { DesiredHost } from '../manifest/desired-state.js';

/** A new driver for a host. @throws FlotillaError when there is no way to it */
export type OpenDriver = (host: DesiredHost) => TenantDriver;

/** Loads what it takes to reach hosts of these kinds, and nothing else. */
export async function loadDrivers(
  kinds: ReadonlySet<DesiredHost['kind']>,
  { pki, env }: { pki: string; env: NodeJS.ProcessEnv },
): Promise<OpenDriver> {
  const local = kinds.has('local') ? await loadLocal(env) : null;
  const remote = kinds.has('agent') ? await loadRemote(pki) : null;
  return (host) => {
    const driver = host.kind === 'local' ? local?.(host.root) : remote?.(host);
    if (driver) return driver;
    throw new FlotillaError('Internal', `no manifest describes host "${host.name}"`);
  };
}

async function loadLocal(env: NodeJS.ProcessEnv): Promise<(root: string) => TenantDriver> {
  const { createLocalDriver } = await import('../agent-client/local-driver.js');
  const { buildHostConfig } = await import('../agent/host.js');
  return (root) => createLocalDriver(buildHostConfig(root, env));
}

/** One identity for all hosts, read when the first is asked. */
async function loadRemote(pki: string): Promise<(host: RemoteHost) => TenantDriver> {
  const { createRemoteDriver } = await import('../agent-client/remote-driver.js');
  const { createIdentityStore } = await import('../pki/identity-store.js');
  const store = createIdentityStore(pki);
  return ({ name, url }) => createRemoteDriver({ name, url }, () => store.current());
}
