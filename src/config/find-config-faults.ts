import { validate as isCron } from 'node-cron';
import { LONGEST_DURATION_MS, parseDuration } from '../manifest/duration.js';
import type { Finding, PathPart } from '../manifest/finding.js';
import { readGitUrl } from './git-url.js';
import { parseRetention } from './retention.js';
import type { WatchConfigSpec } from './watch-config-schema.js';

/** What the schema cannot say: cron expressions, time zones, bounds of durations, fields that exclude each other. Pure. */
export function findConfigFaults(spec: WatchConfigSpec): Finding[] {
  const { source, resync = {}, history = {}, webhooks = [], notifications = [] } = spec;
  return [
    ...(source?.git === undefined ? [] : gitFaults(source.git)),
    ...scheduleFaults(resync),
    ...durationFaults(resync.jitter, ['spec', 'resync', 'jitter'], 0),
    ...retentionFaults(history.retention),
    ...webhooks.flatMap((each, i) => oneOf(each, ['spec', 'webhooks', i], ['secretFile', 'secretEnv'], true)),
    ...notifications.flatMap((each, i) => [
      ...oneOf(each, ['spec', 'notifications', i], ['url', 'urlFile', 'urlEnv'], true),
      ...oneOf(each, ['spec', 'notifications', i], ['template', 'templateFile'], false),
    ]),
  ];
}

/** Asking a remote more often than that is an attack on it. */
const SHORTEST_INTERVAL_MS = 1000;
const SHORTEST_RETENTION_MS = 60 * 60 * 1000;

type GitSpec = NonNullable<NonNullable<WatchConfigSpec['source']>['git']>;

function gitFaults(git: GitSpec): Finding[] {
  const at = ['spec', 'source', 'git'];
  const read = readGitUrl(git.url);
  const fault = 'fault' in read ? read.fault : null;
  return [
    ...(fault === null ? [] : [finding(`spec.source.git.url: ${fault.message}`, [...at, 'url'], fault.hint)]),
    ...oneOf(git, at, ['branch', 'tag'], false),
    ...durationFaults(git.interval, [...at, 'interval'], SHORTEST_INTERVAL_MS),
  ];
}

function scheduleFaults({ schedule, timeZone }: NonNullable<WatchConfigSpec['resync']>): Finding[] {
  const faults: Finding[] = [];
  if (schedule !== undefined && !(hasFiveFields(schedule) && isCron(schedule))) {
    const message = `spec.resync.schedule: expected a cron expression of five fields, found ${JSON.stringify(schedule)}`;
    faults.push(finding(message, ['spec', 'resync', 'schedule'], 'such as */10 * * * * for every ten minutes'));
  }
  if (timeZone !== undefined && !isTimeZone(timeZone)) {
    const message = `spec.resync.timeZone: expected a time zone, found ${JSON.stringify(timeZone)}`;
    faults.push(finding(message, ['spec', 'resync', 'timeZone'], 'by its IANA name, such as Europe/Berlin or UTC'));
  }
  return faults;
}

/** Six begin with seconds, and whole minutes are all that is looked at: such a time might never come. */
function hasFiveFields(cron: string): boolean {
  return cron.trim().split(/\s+/).length === 5;
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function durationFaults(text: string | undefined, path: PathPart[], leastMs: number): Finding[] {
  if (text === undefined) return [];
  const ms = parseDuration(text) ?? 0;
  if (ms >= leastMs && ms <= LONGEST_DURATION_MS) return [];
  const wanted = ms < leastMs ? `of at least ${leastMs / 1000}s` : 'of at most 24h';
  return [finding(`${path.join('.')}: expected a duration ${wanted}, found ${JSON.stringify(text)}`, path)];
}

function retentionFaults(text: string | undefined): Finding[] {
  if (text === undefined || (parseRetention(text) ?? 0) >= SHORTEST_RETENTION_MS) return [];
  const message = `spec.history.retention: expected a duration of at least 1h, found ${JSON.stringify(text)}`;
  return [finding(message, ['spec', 'history', 'retention'])];
}

function oneOf(map: object, path: PathPart[], names: readonly string[], needed: boolean): Finding[] {
  const found = names.filter((name) => name in map);
  if (found.length === 1 || (found.length === 0 && !needed)) return [];
  const at = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`)).join('');
  const wanted = `expected ${needed ? 'exactly' : 'at most'} one of ${names.join(', ')}`;
  const message = `${at.slice(1)}: ${wanted}, found ${found.join(' and ') || 'none'}`;
  return [{ ...finding(message, [...path, ...found.slice(1, 2)]), at: 'key' }];
}

function finding(message: string, path: readonly PathPart[], hint?: string): Finding {
  return { code: 'ConfigInvalid', message, path, ...(hint === undefined ? {} : { hint }) };
}
