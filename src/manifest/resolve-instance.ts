import type { DesiredHost, DesiredInstance, Values } from './desired-state.js';
import type { PlacedFinding } from './finding.js';
import type { NameIndex } from './index-names.js';
import type { DocumentPlace, ManifestDocument, References } from './manifest-document.js';
import { mergeValues } from './merge-values.js';
import { checkTemplate, type FleetDefaults, mergeTimeouts, NO_FLEET, suggest } from './resolve-fleet.js';
import { resolveMaintenance } from './resolve-maintenance.js';

/** What resolving one instance may ask for. */
export interface ResolveContext {
  hosts: NameIndex<'Host'>;
  fleets: NameIndex<'Fleet'>;
  desiredHosts: ReadonlyMap<string, DesiredHost>;
  /** Of every fleet that can be used. */
  fleetDefaults: ReadonlyMap<string, FleetDefaults>;
  templates: ReadonlySet<string>;
  findings: PlacedFinding[];
  /** Notes that an instance cannot be used because of what another document says. */
  dependsOn(place: DocumentPlace, what: string, slug: string): void;
}

/**
 * One instance with its fleet's defaults, or undefined after reporting why it cannot be used: what is wrong with
 * itself as findings, what is wrong with its fleet or host through `dependsOn`.
 */
export function resolveInstance(
  { manifest, place, name }: ManifestDocument<'Instance'>,
  context: ResolveContext,
): DesiredInstance | undefined {
  const { spec, metadata } = manifest;
  const before = context.findings.length;
  reportDangling(spec, place, context);
  const fleet = spec.fleet === undefined ? NO_FLEET : context.fleetDefaults.get(spec.fleet);
  const timeouts = mergeTimeouts((fleet ?? NO_FLEET).timeouts, spec.timeouts, place, context.findings);
  const maintenance = resolveMaintenance(spec.maintenance, (fleet ?? NO_FLEET).maintenance, place, context.findings);
  if (!canBeUsed(spec, name, context) || fleet === undefined) return undefined;
  const template = spec.template ?? fleet.template;
  const imageTag = spec.imageTag ?? fleet.imageTag;
  if (template === undefined) reportMissing('template', spec.fleet, place, context);
  if (imageTag === undefined) reportMissing('imageTag', spec.fleet, place, context);
  if (template === undefined || imageTag === undefined || context.findings.length > before) return undefined;
  return {
    slug: name,
    project: spec.project ?? name,
    directory: spec.directory ?? name,
    host: spec.host,
    fleet: spec.fleet ?? null,
    template,
    imageTag,
    // the schema admits any map; YAML's core schema holds what JSON can hold
    values: spec.values === undefined ? fleet.values : mergeValues(fleet.values, spec.values as Values),
    labels: metadata.labels ?? NO_LABELS,
    registered: spec.registered ?? false,
    suspend: spec.suspend ?? fleet.suspend,
    driftPolicy: spec.driftPolicy ?? fleet.driftPolicy,
    rollback: spec.rollback ?? fleet.rollback,
    deletionPolicy: spec.deletionPolicy ?? fleet.deletionPolicy,
    maintenance,
    timeouts,
    source: { file: place.file, line: place.line },
  };
}

const NO_LABELS: Readonly<Record<string, string>> = Object.freeze({});

/** Reports each reference of an instance to something that is not declared; of a broken one, those that can be read. */
export function reportDangling(
  { fleet, host, template }: References,
  place: DocumentPlace,
  { fleets, hosts, templates, findings }: Pick<ResolveContext, 'fleets' | 'hosts' | 'templates' | 'findings'>,
): void {
  const check = (field: 'fleet' | 'host', name: string | undefined, known: ReadonlyMap<string, unknown>) => {
    if (name === undefined || known.has(name)) return;
    const hint = suggest(name, known.keys(), `${field}s`);
    const message = `${field} ${name} is not declared`;
    findings.push({ code: 'ManifestInvalid', message, hint, path: ['spec', field], place });
  };
  check('fleet', fleet, fleets);
  check('host', host, hosts);
  checkTemplate(template, place, templates, findings);
}

/** Whether fleet and host are in order; where one is declared but is not, the instance is noted to depend on it. */
function canBeUsed({ fleet, host }: References, slug: string, context: ResolveContext): boolean {
  const fleetIsSound = fleet === undefined || context.fleetDefaults.has(fleet);
  const hostIsSound = host === undefined || context.desiredHosts.has(host);
  const badFleet = fleetIsSound ? undefined : context.fleets.get(fleet);
  const badHost = hostIsSound ? undefined : context.hosts.get(host);
  if (badFleet !== undefined) context.dependsOn(badFleet.places[0], `fleet ${fleet}`, slug);
  if (badHost !== undefined) context.dependsOn(badHost.places[0], `host ${host}`, slug);
  return fleetIsSound && hostIsSound;
}

function reportMissing(
  field: 'template' | 'imageTag',
  fleet: string | undefined,
  place: DocumentPlace,
  context: ResolveContext,
): void {
  const where = fleet === undefined ? 'here: the instance has no fleet' : `here or in fleet ${fleet}`;
  const message = `spec.${field} is missing: expected it ${where}`;
  context.findings.push({ code: 'ManifestInvalid', message, path: ['spec'], at: 'key', place });
}
