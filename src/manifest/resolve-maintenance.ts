import { type CronFault, findCronFault } from './cron-fault.js';
import type { Maintenance, WindowRule } from './desired-state.js';
import { parseDuration } from './duration.js';
import type { PathPart, PlacedFinding } from './finding.js';
import type { DocumentPlace } from './manifest-document.js';
import { nearestName } from './nearest.js';
import type { InstanceManifest } from './schema.js';
import { LONGEST_WINDOW_MS, maintenance as schema } from './schema-maintenance.js';

type Written = NonNullable<InstanceManifest['spec']['maintenance']>;

/** What a document says of maintenance, or `fallback` when it says nothing. What is wrong with it becomes findings. */
export function resolveMaintenance(
  own: Written | undefined,
  fallback: Maintenance | null,
  place: DocumentPlace,
  findings: PlacedFinding[],
): Maintenance | null {
  if (own === undefined) return fallback;
  const timeZone = own.timeZone ?? schema.properties.timeZone.default;
  const report = (path: readonly PathPart[], message: string, hint?: string) => {
    const finding = { code: 'ManifestInvalid', message, path: ['spec', 'maintenance', ...path], place } as const;
    findings.push(hint === undefined ? finding : { ...finding, hint });
  };
  if (!isTimeZone(timeZone)) {
    const nearest = nearestName(timeZone, Intl.supportedValuesOf('timeZone'));
    const hint = nearest === undefined ? undefined : `did you mean ${nearest}?`;
    const message = `spec.maintenance.timeZone: expected ${schema.properties.timeZone.title}, found ${JSON.stringify(timeZone)}`;
    report(['timeZone'], message, hint);
  }
  const rulesOf = (field: 'allow' | 'deny') =>
    (own[field] ?? []).map((rule, at) => resolveRule(rule, [field, at], report));
  return { timeZone, allow: rulesOf('allow'), deny: rulesOf('deny') };
}

type Report = (path: readonly PathPart[], message: string, hint?: string) => void;

function resolveRule(
  { cron, duration }: { cron: string; duration: string },
  [field, at]: readonly [string, number],
  report: Report,
): WindowRule {
  const where = `spec.maintenance.${field}[${at}]`;
  const fault = cronFaultOf(cron);
  if (fault !== null) {
    const hint = 'a field may be a list (1,15), a range (1-5), a step (*/2) or * for all';
    report(
      [field, at, 'cron'],
      `${where}.cron: expected ${fault.expected}, found ${JSON.stringify(fault.found)}`,
      hint,
    );
  }
  const durationMs = parseDuration(duration) ?? 0;
  if (durationMs === 0 || durationMs > LONGEST_WINDOW_MS) {
    const wanted = durationMs === 0 ? 'above 0' : 'of at most 168h';
    report(
      [field, at, 'duration'],
      `${where}.duration: expected a duration ${wanted}, found ${JSON.stringify(duration)}`,
    );
  }
  return { cron, durationMs };
}

/** Thousands of instances share few expressions and zones, and checking one takes longer than reading its document. */
const REMEMBERED = 1000;
const cronFaultOf = remembered<CronFault | null>(findCronFault);
const isTimeZone = remembered((name) => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
});

function remembered<T>(check: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const before = known.get(text);
    if (before !== undefined) return before;
    const result = check(text);
    if (known.size >= REMEMBERED) known.clear();
    known.set(text, result);
    return result;
  };
}
