import type { RemoteHost } from '../agent-client/remote-errors.js';
import type { TenantDriver } from '../agent-client/tenant-driver.js';
import { FlotillaError } from '../errors.js';
import type { DesiredHost, DesiredState } from '../manifest/desired-state.js';
import { loadDesiredState } from '../manifest/load.js';
import { loadTemplates } from '../render/load-template.js';
import type { TemplateStore } from '../render/template.js';
import type { Context, SharedOptions } from './context.js';
import type { Io } from './io.js';

export type FleetOptions = Pick<SharedOptions, 'manifests' | 'templates' | 'pki'>;

export interface LoadedFleet {
  desired: DesiredState;
  templates: TemplateStore;
}

export interface Fleet extends LoadedFleet {
  /** The same driver for the same host. @throws FlotillaError when there is no way to the host */
  driverFor(host: DesiredHost): TenantDriver;
  close(): Promise<void>;
}

/** Desired state and its templates, without a way to any host. What is wrong with templates is in `desired.problems` too. */
export async function loadFleet({ manifests, templates }: Omit<FleetOptions, 'pki'>): Promise<LoadedFleet> {
  const desired = await loadDesiredState({ manifests, templates });
  const store = await loadTemplates(templates);
  return { desired: { ...desired, problems: [...desired.problems, ...store.problems] }, templates: store };
}

/** The composition root of everything that asks hosts. */
export async function openFleet(options: FleetOptions, { io }: Context): Promise<Fleet> {
  const loaded = await loadFleet(options);
  const kinds = new Set([...loaded.desired.hosts.values()].map(({ kind }) => kind));
  const local = kinds.has('local') ? await openLocal(io) : null;
  const remote = kinds.has('agent') ? await openRemote(options.pki) : null;
  const drivers = new Map<string, TenantDriver>();
  return {
    ...loaded,
    driverFor(host) {
      const known = drivers.get(host.name);
      if (known) return known;
      const driver = host.kind === 'local' ? local?.(host.root) : remote?.(host);
      if (!driver) throw new FlotillaError('Internal', `no manifest describes host "${host.name}"`);
      drivers.set(host.name, driver);
      return driver;
    },
    close: async () => {
      await Promise.all([...drivers.values()].map((driver) => driver.close()));
    },
  };
}

async function openLocal(io: Io): Promise<(root: string) => TenantDriver> {
  const { createLocalDriver } = await import('../agent-client/local-driver.js');
  const { buildHostConfig } = await import('../agent/host.js');
  return (root) => createLocalDriver(buildHostConfig(root, io.env));
}

/** One identity for all hosts, read when the first is asked. */
async function openRemote(pki: string): Promise<(host: RemoteHost) => TenantDriver> {
  const { createRemoteDriver } = await import('../agent-client/remote-driver.js');
  const { createIdentityStore } = await import('../pki/identity-store.js');
  const store = createIdentityStore(pki);
  return ({ name, url }) => createRemoteDriver({ name, url }, () => store.current());
}
