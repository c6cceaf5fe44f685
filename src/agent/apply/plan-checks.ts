import type { ApplyRequest } from '../../agent-client/tenant-driver.js';
import { FlotillaError } from '../../errors.js';
import type { Plan } from '../../plan/plan.js';
import type { RenderedFile } from '../../render/file-set.js';
import { sha256Of } from '../files/file-hash.js';
import type { AppliedRecord } from '../state/applied-record.js';
import { readGeneration } from '../state/generations.js';
import type { TenantHost } from '../tenant-host.js';

/**
 * Compares what the plan was made from with what is there now, under the lock: what was previewed is what is applied.
 *
 * @throws FlotillaError PlanStale
 */
export async function refuseStale(
  host: TenantHost,
  tenantDir: string,
  plan: Plan,
  record: AppliedRecord | null,
): Promise<void> {
  if ((record?.generation ?? 0) !== plan.basis.generation) throw stale(plan, 'another upgrade was applied');
  const paths = plan.basis.files.map((file) => file.path);
  const observed = await host.hasher.observeFiles(tenantDir, paths);
  for (const [i, expected] of plan.basis.files.entries()) {
    const here = observed[i];
    if (here?.sha256 !== expected.sha256 || here.mode !== expected.mode)
      throw stale(plan, `${expected.path} changed on the host`);
  }
}

function stale(plan: Plan, why: string): FlotillaError {
  return new FlotillaError('PlanStale', `${plan.slug}: the plan is out of date: ${why} since it was made`, {
    hint: 'reconcile again',
  });
}

/**
 * The bytes of every file that the plan writes: sent along, or kept here. Checked against the plan's hashes.
 *
 * @throws FlotillaError PlanInvalid when one is missing or is not what the plan says
 */
export async function loadContent(
  tenantDir: string,
  { plan, content }: ApplyRequest,
): Promise<readonly RenderedFile[]> {
  const files = 'files' in content ? content.files : (await readGeneration(tenantDir, content.generation)).files;
  const byPath = new Map(files.map((file) => [file.path, file]));
  for (const operation of plan.operations) {
    if (operation.kind !== 'write') continue;
    const file = byPath.get(operation.path);
    if (!file || sha256Of(file.content) !== operation.sha256) {
      throw new FlotillaError(
        'PlanInvalid',
        `${plan.slug}: the content of ${operation.path} is not what the plan says`,
      );
    }
  }
  return files;
}
