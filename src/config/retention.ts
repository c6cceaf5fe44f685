import { DURATION_PATTERN, parseDuration } from '../manifest/duration.js';

/** Durations as in manifests, with days before them: `90d`, `1d12h`. */
export const RETENTION_PATTERN = DURATION_PATTERN.replace('^', '^(?:[0-9]{1,5}d)?');

/** Milliseconds of a text that matches RETENTION_PATTERN; undefined for any other. */
export function parseRetention(text: string): number | undefined {
  const [, days, rest = ''] = /^(?:([0-9]{1,5})d)?(.*)$/s.exec(text) ?? [];
  const part = rest === '' && days !== undefined ? 0 : parseDuration(rest);
  return part === undefined ? undefined : Number(days ?? 0) * DAY_MS + part;
}

const DAY_MS = 24 * 60 * 60 * 1000;
