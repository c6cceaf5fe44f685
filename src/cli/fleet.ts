import type { TenantDriver } from '../agent-client/tenant-driver.js';
import type { DesiredHost, DesiredState } from '../manifest/desired-state.js';
import type { TemplateStore } from '../render/template.js';
import { loadSnapshot } from '../source/load-snapshot.js';
import type { Context, SharedOptions } from './context.js';
import { loadDrivers } from './open-drivers.js';

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
export function loadFleet({ manifests, templates }: Omit<FleetOptions, 'pki'>): Promise<LoadedFleet> {
  return loadSnapshot({ manifests, templates });
}

/** The composition root of everything that asks hosts. */
export async function openFleet(options: FleetOptions, { io }: Context): Promise<Fleet> {
  const loaded = await loadFleet(options);
  const kinds = new Set([...loaded.desired.hosts.values()].map(({ kind }) => kind));
  const openDriver = await loadDrivers(kinds, { pki: options.pki, env: io.env });
  const drivers = new Map<string, TenantDriver>();
  return {
    ...loaded,
    driverFor(host) {
      const driver = drivers.get(host.name) ?? openDriver(host);
      drivers.set(host.name, driver);
      return driver;
    },
    close: async () => {
      await Promise.all([...drivers.values()].map((driver) => driver.close()));
    },
  };
}
