import type { DesiredHost, DesiredInstance } from './desired-state.js';
import { findCollisions, type Placed } from './find-collisions.js';
import type { PlacedFinding } from './finding.js';
import { findDuplicates, indexByName, type NameIndex } from './index-names.js';
import type { BrokenDocument, DocumentPlace, ManifestDocument } from './manifest-document.js';
import { checkTemplate, resolveFleets } from './resolve-fleet.js';
import { resolveHosts } from './resolve-hosts.js';
import { type ResolveContext, reportDangling, resolveInstance } from './resolve-instance.js';

export interface ResolveInput {
  documents: readonly ManifestDocument[];
  broken: readonly BrokenDocument[];
  /** The names of the templates that are there. */
  templates: ReadonlySet<string>;
  /** What relative files are relative to: an absolute directory. */
  base: string;
}

export interface Resolution {
  /** Sorted by slug; only those in order. */
  instances: DesiredInstance[];
  hosts: ReadonlyMap<string, DesiredHost>;
  findings: PlacedFinding[];
  /** Sorted. */
  brokenSlugs: string[];
}

/**
 * Turns documents into instances: fleets' defaults merged in, references followed, names and places unique. Pure, and
 * linear in the number of documents. An instance with a problem of its own, or one that needs a fleet or host with a
 * problem, is left out; the others stand.
 */
export function resolveManifests(input: ResolveInput): Resolution {
  const findings: PlacedFinding[] = [];
  const instances = indexByName(input, 'Instance');
  const fleets = indexByName(input, 'Fleet');
  const hosts = indexByName(input, 'Host');
  for (const index of [instances, fleets, hosts]) findings.push(...findDuplicates(index));
  const desiredHosts = resolveHosts(hosts, input.base, findings);
  const fleetDefaults = resolveFleets(fleets, input.templates, findings);
  const dependents = new Map<DocumentPlace, { what: string; slugs: string[] }>();
  const dependsOn = (place: DocumentPlace, what: string, slug: string) => {
    const group = dependents.get(place);
    if (group === undefined) dependents.set(place, { what, slugs: [slug] });
    else group.slugs.push(slug);
  };
  const { templates } = input;
  const context: ResolveContext = { hosts, fleets, desiredHosts, fleetDefaults, templates, findings, dependsOn };
  for (const { kind, references, place } of input.broken) {
    if (kind === 'Instance') reportDangling(references, place, context);
    else if (kind === 'Fleet') checkTemplate(references.template, place, templates, findings);
  }
  const resolved = resolveInstances(instances, context);
  for (const [place, { what, slugs }] of dependents) findings.push(dependentsFinding(place, what, slugs));
  return { ...sortOut(instances, resolved), hosts: desiredHosts, findings };
}

function resolveInstances(index: NameIndex<'Instance'>, context: ResolveContext): DesiredInstance[] {
  const resolved: Placed[] = [];
  for (const { document } of index.values()) {
    const instance = document && resolveInstance(document, context);
    if (document && instance) resolved.push({ document, instance });
  }
  const colliding = findCollisions(resolved, context.desiredHosts, context.findings);
  return resolved.filter(({ instance }) => !colliding.has(instance.slug)).map(({ instance }) => instance);
}

function dependentsFinding(place: DocumentPlace, what: string, slugs: readonly string[]): PlacedFinding {
  const shown = slugs.slice(0, 5).join(', ') + (slugs.length > 5 ? ` and ${slugs.length - 5} more` : '');
  const subject = slugs.length === 1 ? '1 instance needs it' : `${slugs.length} instances need it`;
  return {
    code: 'ManifestInvalid',
    message: `${what} cannot be used until its own problems are mended; ${subject}: ${shown}`,
    path: ['metadata', 'name'],
    place,
  };
}

function sortOut(
  index: NameIndex<'Instance'>,
  resolved: DesiredInstance[],
): { instances: DesiredInstance[]; brokenSlugs: string[] } {
  const sound = new Set(resolved.map((instance) => instance.slug));
  const brokenSlugs = [...index.keys()].filter((slug) => !sound.has(slug)).sort();
  return { instances: resolved.sort((a, b) => (a.slug < b.slug ? -1 : 1)), brokenSlugs };
}
