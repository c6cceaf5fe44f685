import type { DesiredInstance, Values } from '../manifest/desired-state.js';

/** What a template may name. Plain data: no prototype, no functions. */
export interface View {
  readonly slug: string;
  readonly imageTag: string;
  readonly host: string;
  readonly fleet: string | null;
  readonly registered: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly values: Values;
}

/**
 * The view of one instance. Lookups see own members only (`findInScope`), so that the maps inside `labels` and `values` are
 * as good as ones without a prototype and need not be copied.
 */
export function buildView(instance: DesiredInstance): View {
  const { slug, imageTag, host, fleet, registered, labels, values } = instance;
  return Object.assign(Object.create(null), { slug, imageTag, host, fleet, registered, labels, values }) as View;
}
