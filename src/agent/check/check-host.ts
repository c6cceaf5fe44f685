import { findInstances } from '../find-instances.js';
import type { TenantHost } from '../tenant-host.js';
import { checkAddress, type ListenAddress } from './check-address.js';
import { checkCertificate } from './check-certificate.js';
import { checkClock } from './check-clock.js';
import { checkDocker } from './check-docker.js';
import { checkMount } from './check-mount.js';
import { checkRoot } from './check-root.js';
import { checkTenants } from './check-tenants.js';
import type { Finding } from './finding.js';

export interface CheckedHost {
  /** The name in its certificate; null when that cannot be read. */
  name: string | null;
  findings: Finding[];
}

/**
 * Looks at all that an agent on this host needs, in the order in which one sets a host up. Leaves nothing behind; one
 * finding keeps no other from being made.
 */
export async function checkHost(
  host: TenantHost,
  at: { pki: string; address: ListenAddress; now: Date },
): Promise<CheckedHost> {
  const { root } = host.config;
  const { findings: certificate, identity } = checkCertificate(at.pki, at.now);
  const [docker, directory, mount, address] = await Promise.all([
    checkDocker(host),
    checkRoot(root),
    checkMount(host.config),
    checkAddress(at.address, identity),
  ]);
  const instances = findInstances(root);
  const clock = checkClock({ root, pki: at.pki, instances, identity, now: at.now });
  const tenants = checkTenants(root, instances);
  return {
    name: identity?.name ?? null,
    findings: [...docker, ...directory, ...(mount ? [mount] : []), ...tenants, ...certificate, clock, address],
  };
}
