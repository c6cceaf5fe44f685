import type { ObserveRequest } from '../agent-client/tenant-driver.js';
import type { DesiredInstance } from '../manifest/desired-state.js';
import type { ObservedTenant } from '../plan/observed.js';
import type { DesiredTenant } from '../plan/plan.js';
import type { Template } from '../render/template.js';
import type { ReconcileItem } from './report.js';

/** An instance as it is to be, without the bytes. */
export interface Placed {
  template: Template;
  revision: string;
  tenant: DesiredTenant;
  request: ObserveRequest;
  /** Set while it is in sync: what was seen then, and what was said of it. */
  inSync?: { observed: ObservedTenant; item: ReconcileItem };
}

/**
 * What one sweep leaves to the next: an instance that is the same object, of the same template and revision, renders to the
 * same; and where the host gives the same observation as before, it is in sync as before. Forgets with the desired state.
 */
export type SweepMemory = WeakMap<DesiredInstance, Placed>;
