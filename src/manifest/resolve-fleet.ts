import type { DeletionPolicy, DriftPolicy, Maintenance, RollbackPolicy, Timeouts, Values } from './desired-state.js';
import { LONGEST_DURATION_MS, parseDuration } from './duration.js';
import type { PlacedFinding } from './finding.js';
import type { NameIndex } from './index-names.js';
import type { DocumentPlace } from './manifest-document.js';
import { nearestName } from './nearest.js';
import { resolveMaintenance } from './resolve-maintenance.js';
import type { InstanceManifest } from './schema.js';
import * as parts from './schema-parts.js';

/** What an instance takes over from its fleet, or from nowhere when it has none. Shared by all of them. */
export interface FleetDefaults {
  template: string | undefined;
  imageTag: string | undefined;
  values: Values;
  suspend: boolean;
  driftPolicy: DriftPolicy;
  rollback: RollbackPolicy;
  deletionPolicy: DeletionPolicy;
  maintenance: Maintenance | null;
  timeouts: Timeouts;
}

/** What holds for an instance without a fleet. */
export const NO_FLEET: FleetDefaults = {
  template: undefined,
  imageTag: undefined,
  values: {},
  suspend: parts.suspend.default,
  driftPolicy: parts.driftPolicy.default,
  rollback: parts.rollback.default,
  deletionPolicy: parts.deletionPolicy.default,
  maintenance: null,
  timeouts: defaultTimeouts(),
};

/** The defaults of each fleet; one with a problem is reported and left out. */
export function resolveFleets(
  index: NameIndex<'Fleet'>,
  templates: ReadonlySet<string>,
  findings: PlacedFinding[],
): ReadonlyMap<string, FleetDefaults> {
  const fleets = new Map<string, FleetDefaults>();
  for (const { document } of index.values()) {
    if (document === undefined) continue;
    const { place, manifest } = document;
    const before = findings.length;
    const { timeouts: ownTimeouts, maintenance: ownMaintenance, values, ...own } = manifest.spec;
    const timeouts = mergeTimeouts(NO_FLEET.timeouts, ownTimeouts, place, findings);
    const maintenance = resolveMaintenance(ownMaintenance, NO_FLEET.maintenance, place, findings);
    checkTemplate(own.template, place, templates, findings);
    if (findings.length > before) continue;
    fleets.set(document.name, { ...NO_FLEET, ...own, values: (values ?? {}) as Values, maintenance, timeouts });
  }
  return fleets;
}

/** Reports a template that is not there; one that is not named is none of its business. */
export function checkTemplate(
  name: string | undefined,
  place: DocumentPlace,
  templates: ReadonlySet<string>,
  findings: PlacedFinding[],
): void {
  if (name === undefined || templates.has(name)) return;
  const message = `template ${name} is not there: expected a folder of that name with a template.yaml`;
  findings.push({
    code: 'TemplateNotFound',
    message,
    hint: suggest(name, templates, 'templates'),
    path: ['spec', 'template'],
    place,
  });
}

/** A hint for a name that is not known: the nearest, or all of them when they are few. */
export function suggest(name: string, known: Iterable<string>, what: string): string {
  const names = [...known];
  const nearest = nearestName(name, names);
  if (nearest !== undefined) return `did you mean ${nearest}?`;
  if (names.length === 0) return `there are no ${what} yet`;
  const shown = names.sort().slice(0, 10).join(', ');
  return `known ${what}: ${shown}${names.length > 10 ? ` and ${names.length - 10} more` : ''}`;
}

/** `own` over `base`, in milliseconds; `base` itself when nothing is overridden. */
export function mergeTimeouts(
  base: Timeouts,
  own: InstanceManifest['spec']['timeouts'],
  place: DocumentPlace,
  findings: PlacedFinding[],
): Timeouts {
  if (own === undefined) return base;
  const merged = { ...base };
  for (const step of ['pull', 'up', 'verify', 'settle'] as const) {
    const text = own[step];
    if (text === undefined) continue;
    const milliseconds = parseDuration(text) ?? 0;
    const tooShort = milliseconds === 0 && step !== 'settle';
    if (tooShort || milliseconds > LONGEST_DURATION_MS) {
      const message = `spec.timeouts.${step}: expected a duration ${tooShort ? 'above 0' : 'of at most 24h'}, found ${JSON.stringify(text)}`;
      findings.push({ code: 'ManifestInvalid', message, path: ['spec', 'timeouts', step], place });
    }
    merged[`${step}Ms`] = milliseconds;
  }
  return merged;
}

function defaultTimeouts(): Timeouts {
  const { pull, up, verify, settle } = parts.timeouts.properties;
  return {
    pullMs: parseDuration(pull.default) ?? 0,
    upMs: parseDuration(up.default) ?? 0,
    verifyMs: parseDuration(verify.default) ?? 0,
    settleMs: parseDuration(settle.default) ?? 0,
  };
}
