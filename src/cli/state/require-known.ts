import { FlotillaError } from '../../errors.js';
import type { HistoryStore } from '../../history/history-store.js';
import { nearestName } from '../../manifest/nearest.js';

/**
 * For when nothing is remembered of an instance: that is no mistake where the daemon knows it.
 *
 * @throws FlotillaError InstanceNotFound with the nearest name
 */
export async function requireKnown(store: HistoryStore, slug: string): Promise<void> {
  const known = (await store.statuses()).map((status) => status.slug);
  if (known.includes(slug)) return;
  const near = nearestName(slug, known);
  throw new FlotillaError(
    'InstanceNotFound',
    `the daemon knows no instance named "${slug}"`,
    near ? { hint: `did you mean "${near}"?` } : {},
  );
}
