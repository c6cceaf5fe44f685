import type { TenantDriver } from '../agent-client/tenant-driver.js';
import { FlotillaError } from '../errors.js';
import type { DesiredHost, DesiredState } from '../manifest/desired-state.js';
import { loadDesiredState } from '../manifest/load.js';
import { loadTemplates } from '../render/load-template.js';
import type { TemplateStore } from '../render/template.js';
import type { Context, SharedOptions } from './context.js';

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
export async function loadFleet({
  manifests,
  templates,
}: Pick<SharedOptions, 'manifests' | 'templates'>): Promise<LoadedFleet> {
  const desired = await loadDesiredState({ manifests, templates });
  const store = await loadTemplates(templates);
  return { desired: { ...desired, problems: [...desired.problems, ...store.problems] }, templates: store };
}

/** The composition root of everything that asks hosts. */
export async function openFleet(
  options: Pick<SharedOptions, 'manifests' | 'templates'>,
  { io }: Context,
): Promise<Fleet> {
  const loaded = await loadFleet(options);
  const { createLocalDriver } = await import('../agent-client/local-driver.js');
  const { buildHostConfig } = await import('../agent/host.js');
  const drivers = new Map<string, TenantDriver>();
  return {
    ...loaded,
    driverFor(host) {
      const known = drivers.get(host.name);
      if (known) return known;
      if (host.kind === 'agent') {
        throw new FlotillaError(
          'HostUnreachable',
          `host ${host.name} is reached through an agent, which this version cannot do yet`,
          {
            hint: 'give it spec.local, or leave it for now',
          },
        );
      }
      const driver = createLocalDriver(buildHostConfig(host.root, io.env));
      drivers.set(host.name, driver);
      return driver;
    },
    close: async () => {
      await Promise.all([...drivers.values()].map((driver) => driver.close()));
    },
  };
}
