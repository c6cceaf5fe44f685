import type { InstanceRef } from '../agent-client/tenant-driver.js';
import { FlotillaError } from '../errors.js';
import type { FileDiff } from '../plan/observed.js';
import type { Plan } from '../plan/plan.js';
import { planTenant } from '../plan/plan-tenant.js';
import { resolveTenant } from './files/confine.js';
import { inspectTenant } from './inspect-tenant.js';
import { observeTenants } from './observe-tenants.js';
import { readRecord } from './state/applied-record.js';
import { listGenerations, readGeneration } from './state/generations.js';
import type { TenantHost } from './tenant-host.js';

export interface RollbackRequest extends InstanceRef {
  /** The kept file set to bring back; by default the newest verified one before the live one. */
  to?: number;
  timeouts: Plan['timeouts'];
}

/**
 * Plans a kept file set as if it were desired state: the same planner, so that what a rollback would do can be previewed
 * and is then done. Files that are written once and a `.env` that is the tenant's own are left alone.
 *
 * @throws FlotillaError GenerationNotFound; UsageInvalid when it is live already
 */
export async function planRollback(
  host: TenantHost,
  request: RollbackRequest,
  signal?: AbortSignal,
): Promise<{ plan: Plan; generation: number; diffs: readonly FileDiff[] }> {
  const directory = await resolveTenant(host.config.root, request.directory);
  const record = readRecord(directory);
  if (!record)
    throw new FlotillaError('GenerationNotFound', `${request.slug}: nothing was ever applied in ${directory}`);
  const number = request.to ?? (await previousGeneration(directory, record.generation, request.slug));
  if (number === record.generation && record.outcome === 'verified') {
    throw new FlotillaError('UsageInvalid', `${request.slug}: file set ${number} is the live one`, {
      hint: 'flotilla generations lists the others',
    });
  }
  const { meta, files } = await readGeneration(directory, number);
  const { slug, project, timeouts } = request;
  const desired = { ...meta.tenant, slug, project, directory: request.directory, timeouts };
  const paths = desired.files.map((file) => file.path);
  const options = { containers: true, ...(signal && { signal }) };
  const [observed] = await observeTenants(host, [{ slug, project, directory: request.directory, paths }], options);
  if (!observed) throw new FlotillaError('Internal', `${slug}: the host gave no observation`);
  if (observed.error) throw new FlotillaError(observed.error.code, observed.error.message);
  const inspection = await inspectTenant(host, { tenant: desired, files, containers: true }, signal);
  if (inspection.refused) throw new FlotillaError(inspection.refused.code, inspection.refused.message);
  const plan = planTenant({ desired, observed, inspection, ignoreHold: true });
  return { plan, generation: number, diffs: inspection.diffs };
}

async function previousGeneration(directory: string, live: number, slug: string): Promise<number> {
  const kept = await listGenerations(directory, live);
  const previous = kept.find((generation) => !generation.live && generation.outcome === 'verified');
  if (previous) return previous.number;
  throw new FlotillaError('GenerationNotFound', `${slug}: no earlier file set that was brought up is kept`, {
    hint: 'revert the commit in git instead',
  });
}
