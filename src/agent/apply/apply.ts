import type { ApplyRequest } from '../../agent-client/tenant-driver.js';
import type { Plan } from '../../plan/plan.js';
import type { RenderedFile } from '../../render/file-set.js';
import type { TenantLock } from '../lock/lock.js';
import type { AppliedRecord } from '../state/applied-record.js';
import type { TenantHost } from '../tenant-host.js';
import type { ApplyPhases } from './apply-phases.js';

/** One apply under way. */
export interface Apply {
  host: TenantHost;
  plan: Plan;
  tenantDir: string;
  lock: TenantLock;
  phases: ApplyPhases;
  /** Aborts what happens before the commit. */
  signal: AbortSignal;
  /** Aborted along with `signal` before the commit; afterwards it ends the wait for health. */
  supersede: AbortSignal | undefined;
  /** What was applied before; null when nothing was. */
  record: AppliedRecord | null;
  files: readonly RenderedFile[];
  hold: ApplyRequest['hold'];
}
