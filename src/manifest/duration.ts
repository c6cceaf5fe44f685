/**
 * Durations as Go and compose write them, in whole units from large to small: `1h30m`, `10m`, `90s`, `500ms`.
 * The empty text matches too: schemas that use this pattern also set `minLength: 2`.
 */
export const DURATION_PATTERN = '^(?:[0-9]{1,9}h)?(?:[0-9]{1,9}m)?(?:[0-9]{1,9}s)?(?:[0-9]{1,9}ms)?$';

/** The longest duration that is accepted. Timers of Node count milliseconds in 31 bits and fire at once beyond 24.8 days. */
export const LONGEST_DURATION_MS = 24 * 60 * 60 * 1000;

/** Milliseconds of a duration that matches DURATION_PATTERN; undefined for any other text. */
export function parseDuration(text: string): number | undefined {
  if (text === '' || !DURATION.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(PART)) total += Number(amount) * (UNIT_MS[unit ?? ''] ?? 0);
  return total;
}

const DURATION = new RegExp(DURATION_PATTERN);
const PART = /([0-9]+)(h|ms|m|s)/g;
const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
