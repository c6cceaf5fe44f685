import type { ObserveRequest } from '../agent-client/tenant-driver.js';
import type { DesiredInstance } from '../manifest/desired-state.js';
import type { ObservedTenant } from '../plan/observed.js';
import type { DesiredTenant } from '../plan/plan.js';
import type { Renderer } from '../render/create-renderer.js';
import { renderInstance } from '../render/render.js';
import type { Template } from '../render/template.js';
import { toDesiredTenant } from './desired-tenant.js';
import { toObserveRequest } from './reconcile-tenant.js';
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

/** The instance rendered, from memory where it can be. @param renderer remembers the bytes; null: they are not kept */
export function place(
  memory: SweepMemory,
  asked: { instance: DesiredInstance; template: Template; revision: string; renderer: Renderer | null },
): Placed {
  const { instance, template, revision, renderer } = asked;
  const known = memory.get(instance);
  if (known?.template === template && known.revision === revision) return known;
  const fileSet = renderer ? renderer.render(template, instance) : renderInstance(template, instance);
  const tenant = toDesiredTenant(instance, template, fileSet, revision);
  const placed: Placed = { template, revision, tenant, request: toObserveRequest(tenant) };
  memory.set(instance, placed);
  return placed;
}
