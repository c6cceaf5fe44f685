import { Cron, CronPattern } from 'croner';

/** What is wrong with a cron expression: what was expected instead, and what was found. */
export interface CronFault {
  expected: string;
  found: string;
}

/**
 * Checks a cron expression of five fields, each of which has only characters that such a field may have. Names the field that is
 * wrong. One that never comes, such as the 31st of February, is wrong too. Pure.
 */
export function findCronFault(cron: string): CronFault | null {
  if (!parses(cron)) {
    const fields = cron.split(/ +/);
    const wrong = FIELDS.findIndex((_, at) => !parses(FIELDS.map((_, i) => (i === at ? fields[at] : '*')).join(' ')));
    return { expected: FIELDS[wrong] ?? 'five fields', found: fields[wrong] ?? cron };
  }
  // croner looks ahead some thousand years from here
  const comes = new Cron(cron, { mode: '5-part', utcOffset: 0 }).nextRun(new Date(0)) !== null;
  return comes ? null : { expected: 'a day that comes', found: cron };
}

const FIELDS = [
  'a minute of 0-59',
  'an hour of 0-23',
  'a day of the month of 1-31 or L',
  'a month of 1-12 or JAN-DEC',
  'a day of the week of 0-7 or SUN-SAT',
] as const;

function parses(cron: string): boolean {
  try {
    new CronPattern(cron, 'UTC', { mode: '5-part' });
    return true;
  } catch {
    return false;
  }
}
