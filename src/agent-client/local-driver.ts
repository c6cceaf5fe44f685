import { createCompose } from '../agent/compose/compose-cli.js';
import { createEngineApi } from '../agent/engine/engine-api.js';
import { createHostEvents } from '../agent/events/host-events.js';
import { resolveTenant } from '../agent/files/confine.js';
import { createFileHasher } from '../agent/files/file-hash.js';
import type { HostConfig } from '../agent/host.js';
import { inspectTenant } from '../agent/inspect-tenant.js';
import { observeTenants } from '../agent/observe-tenants.js';
import { readRecord } from '../agent/state/applied-record.js';
import { createTenantHost, type TenantHost } from '../agent/tenant-host.js';
import type { TenantDriver } from './tenant-driver.js';

/**
 * The driver of a host that is this machine: its instances are directories below `config.root`, its engine is the one
 * behind `config.dockerHost`. Connects when first used, and loads what writes when something is written.
 */
export function createLocalDriver(config: HostConfig): TenantDriver {
  return driveHost(openHost(config));
}

/** This machine as a host; connects to its engine when first used. */
export function openHost(config: HostConfig): TenantHost {
  const engine = createEngineApi(config);
  return createTenantHost({ config, engine, compose: createCompose(config), hasher: createFileHasher() });
}

/** A driver that owns the host: closing it closes the connection to the engine. */
export function driveHost(host: TenantHost): TenantDriver {
  const { config, engine } = host;
  const events = createHostEvents(host);
  return {
    async observe(requests, options = {}) {
      events.expect(requests);
      const observed = await observeTenants(host, requests, { containers: true, ...options });
      events.note(requests, observed);
      return observed;
    },
    inspect: (request, options) => inspectTenant(host, request, options?.signal),
    async apply(request, options = {}) {
      const { applyPlan } = await import('../agent/apply/apply-plan.js');
      return applyPlan(host, request, options);
    },
    async generations(ref) {
      const { listGenerations } = await import('../agent/state/generations.js');
      const directory = await resolveTenant(config.root, ref.directory);
      return listGenerations(directory, readRecord(directory)?.generation ?? 0);
    },
    async planRollback(request, options) {
      const { planRollback } = await import('../agent/plan-rollback.js');
      return planRollback(host, request, options?.signal);
    },
    events: events.listen,
    close() {
      events.close();
      return engine.close();
    },
  };
}
