import { FlotillaError } from '../errors.js';
import type { DesiredInstance, DesiredState } from '../manifest/desired-state.js';
import { nearestName } from '../manifest/nearest.js';

/**
 * @throws FlotillaError InstanceNotFound with the nearest name; ManifestInvalid with its problems where its manifest is broken
 */
export function findInstance({ instances, brokenSlugs, problems }: DesiredState, slug: string): DesiredInstance {
  const found = instances.find((instance) => instance.slug === slug);
  if (found) return found;
  if (brokenSlugs.includes(slug)) {
    const own = problems.filter((problem) => problem.slug === slug);
    if (own.length > 0)
      throw new FlotillaError('ManifestInvalid', `the manifest of ${slug} has problems`, { problems: own });
    throw new FlotillaError('ManifestInvalid', `the fleet or host of ${slug} has problems`, {
      hint: 'flotilla validate lists them',
    });
  }
  const near = nearestName(slug, [...instances.map((instance) => instance.slug), ...brokenSlugs]);
  throw new FlotillaError(
    'InstanceNotFound',
    `no manifest has an instance named "${slug}"`,
    near ? { hint: `did you mean "${near}"?` } : {},
  );
}
