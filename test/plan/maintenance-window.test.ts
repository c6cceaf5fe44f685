import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { Maintenance, WindowRule } from '../../src/manifest/desired-state.js';
import { windowAt } from '../../src/plan/maintenance-window.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const rule = (cron: string, hours: number): WindowRule => ({ cron, durationMs: hours * HOUR_MS });

function maintenance(over: Partial<Maintenance>): Maintenance {
  return { timeZone: 'UTC', allow: [], deny: [], ...over };
}

/** `open until 2025-01-06T02:00Z`. */
function show(rules: Partial<Maintenance>, now: string): string {
  const { open, until } = windowAt(maintenance(rules), new Date(now));
  const end = until === null ? 'for good' : `until ${until.toISOString().replace(/:00\.000Z$/, 'Z')}`;
  return `${open ? 'open' : 'closed'} ${end}`;
}

describe('a maintenance window', () => {
  const nights = { allow: [rule('0 22 * * 1-5', 4)] };

  it.each([
    ['before it begins', '2025-01-06T21:59:59.999Z', 'closed until 2025-01-06T22:00Z'],
    ['at the instant it begins', '2025-01-06T22:00:00Z', 'open until 2025-01-07T02:00Z'],
    ['past midnight', '2025-01-07T01:59:59.999Z', 'open until 2025-01-07T02:00Z'],
    ['at the instant it ends', '2025-01-07T02:00:00Z', 'closed until 2025-01-07T22:00Z'],
    ['over a weekend', '2025-01-11T12:00:00Z', 'closed until 2025-01-13T22:00Z'],
  ])('%s', (_, now, expected) => {
    expect(show(nights, now)).toBe(expected);
  });

  it('follows the clock of its time zone', () => {
    const evenings = { ...nights, timeZone: 'America/Edmonton' };
    expect(show(evenings, '2025-01-06T22:00:00Z')).toBe('closed until 2025-01-07T05:00Z');
    expect(show(evenings, '2025-07-07T22:00:00Z')).toBe('closed until 2025-07-08T04:00Z');
  });

  it('is always open without a rule', () => {
    expect(windowAt(maintenance({}), new Date('2025-01-01T00:00:00Z'))).toEqual({
      open: true,
      until: null,
      reason: 'no window is closed',
    });
  });

  it('is one where several overlap or touch', () => {
    const allow = [rule('0 1 * * *', 2), rule('0 2 * * *', 2), rule('0 4 * * *', 1)];
    expect(show({ allow }, '2025-01-06T01:30:00Z')).toBe('open until 2025-01-06T05:00Z');
  });

  it('lasts up to a week', () => {
    const allow = [rule('0 0 1 * *', 168)];
    expect(show({ allow }, '2025-03-07T23:59:00Z')).toBe('open until 2025-03-08T00:00Z');
    expect(show({ allow }, '2025-03-08T00:00:00Z')).toBe('closed until 2025-04-01T00:00Z');
  });

  it('comes in leap years only, and then not within a year', () => {
    const allow = [rule('0 0 29 2 *', 1)];
    expect(show({ allow }, '2027-03-01T00:00:00Z')).toBe('closed until 2028-02-29T00:00Z');
    expect(show({ allow }, '2025-03-01T00:00:00Z')).toBe('closed for good');
  });

  it('never ends where one begins before the other is over', () => {
    expect(show({ allow: [rule('* * * * *', 1)] }, '2025-01-01T00:00:00Z')).toBe('open for good');
  });
});

describe('a denied window', () => {
  it('closes what is otherwise open', () => {
    const deny = [rule('0 0 24 12 *', 72)];
    expect(show({ deny }, '2025-12-23T12:00:00Z')).toBe('open until 2025-12-24T00:00Z');
    expect(show({ deny }, '2025-12-25T12:00:00Z')).toBe('closed until 2025-12-27T00:00Z');
  });

  it('wins over one that allows, which goes on afterwards', () => {
    const rules = { allow: [rule('0 22 * * *', 4)], deny: [rule('30 22 * * *', 1)] };
    expect(show(rules, '2025-01-06T22:10:00Z')).toBe('open until 2025-01-06T22:30Z');
    expect(show(rules, '2025-01-06T22:30:00Z')).toBe('closed until 2025-01-06T23:30Z');
    expect(show(rules, '2025-01-06T23:30:00Z')).toBe('open until 2025-01-07T02:00Z');
  });

  it('that covers every window keeps it closed for good', () => {
    const rules = { allow: [rule('0 22 * * *', 1)], deny: [rule('0 21 * * *', 3)] };
    expect(show(rules, '2025-01-06T12:00:00Z')).toBe('closed for good');
  });

  it('says why', () => {
    const rules = maintenance({ allow: [rule('0 22 * * *', 4)], deny: [rule('0 23 * * *', 1)] });
    const reasons = ['12:00', '22:30', '23:30'].map((at) => windowAt(rules, new Date(`2025-01-06T${at}:00Z`)).reason);
    expect(reasons).toEqual([
      'outside the windows of spec.maintenance.allow',
      'inside a maintenance window',
      'inside a window that spec.maintenance.deny closes',
    ]);
  });
});

// Europe/Berlin: 2025-03-30 02:00 -> 03:00 at 01:00Z, 2025-10-26 03:00 -> 02:00 at 01:00Z.
// America/Edmonton: 2025-03-09 02:00 -> 03:00 at 09:00Z, 2025-11-02 02:00 -> 01:00 at 08:00Z.
describe('when the clock changes', () => {
  it.each([
    [
      'Europe/Berlin',
      '2025-03-29T23:00:00Z',
      'closed until 2025-03-30T01:30Z',
      '2025-03-30T02:00:00Z',
      'open until 2025-03-30T02:30Z',
    ],
    [
      'America/Edmonton',
      '2025-03-09T07:00:00Z',
      'closed until 2025-03-09T09:30Z',
      '2025-03-09T10:00:00Z',
      'open until 2025-03-09T10:30Z',
    ],
  ])(
    'in spring, %s: a window that begins in the skipped hour begins after it',
    (timeZone, before, opens, inside, closes) => {
      const rules = { timeZone, allow: [rule('30 2 * * *', 1)] };
      expect(show(rules, before)).toBe(opens);
      expect(show(rules, inside)).toBe(closes);
    },
  );

  it.each([
    [
      'Europe/Berlin',
      '30 2 * * *',
      '2025-10-25T23:00:00Z',
      '2025-10-26T00:30Z',
      '2025-10-26T01:15:00Z',
      '2025-10-26T01:30Z',
      '2025-10-27T01:30Z',
    ],
    [
      'America/Edmonton',
      '30 1 * * *',
      '2025-11-02T07:00:00Z',
      '2025-11-02T07:30Z',
      '2025-11-02T08:15:00Z',
      '2025-11-02T08:30Z',
      '2025-11-03T08:30Z',
    ],
  ])(
    'in autumn, %s: a window that begins in the repeated hour begins once',
    (timeZone, cron, before, start, inside, end, next) => {
      const rules = { timeZone, allow: [rule(cron, 1)] };
      expect(show(rules, before)).toBe(`closed until ${start}`);
      expect(show(rules, inside)).toBe(`open until ${end}`);
      expect(show(rules, end)).toBe(`closed until ${next}`);
    },
  );

  it('a window of every hour begins in the repeated hour, too', () => {
    const half = [{ cron: '0 * * * *', durationMs: 30 * MINUTE_MS }];
    const rules = { timeZone: 'Europe/Berlin', allow: half };
    expect(show(rules, '2025-10-26T00:45:00Z')).toBe('closed until 2025-10-26T01:00Z');
    expect(show(rules, '2025-10-26T01:10:00Z')).toBe('open until 2025-10-26T01:30Z');
    expect(show({ timeZone: 'Europe/Berlin', deny: [rule('*/10 * * * *', 1)] }, '2025-06-01T00:00:00Z')).toBe(
      'closed for good',
    );
  });

  it.each([
    ['Europe/Berlin', '2025-03-30T00:00:00Z', '2025-03-30T04:00Z'],
    ['Europe/Berlin', '2025-10-26T00:00:00Z', '2025-10-26T03:00Z'],
    ['America/Edmonton', '2025-03-09T08:00:00Z', '2025-03-09T12:00Z'],
    ['America/Edmonton', '2025-11-02T07:00:00Z', '2025-11-02T11:00Z'],
  ])('%s: a window across it lasts as long as ever (%s)', (timeZone, inside, end) => {
    expect(show({ timeZone, allow: [rule('0 0 * * *', 5)] }, inside)).toBe(`open until ${end}`);
  });
});

/** What the clock of a zone shows, without any arithmetic on offsets: `Sun, 30/03/2025, 01:30`. */
function wallReader(timeZone: string): (instant: number) => string {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    hourCycle: 'h23',
    weekday: 'short',
    day: 'numeric',
    month: 'numeric',
    year: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  return (instant) => format.format(instant);
}

interface SimpleRule {
  minute: number;
  /** null for every hour. */
  hour: number | null;
  /** 0 is Sunday; null for every day. */
  weekday: number | null;
  minutes: number;
}

const toRule = ({ minute, hour, weekday, minutes }: SimpleRule): WindowRule => ({
  cron: `${minute} ${hour ?? '*'} * * ${weekday ?? '*'}`,
  durationMs: minutes * MINUTE_MS,
});

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

interface Walk {
  from: number;
  to: number;
  /** Every minute, with the days before in which a window may have begun. */
  minutes: readonly { at: number; weekday: string; date: string; time: string }[];
}

/** Reads the clock at every minute of a day and a half, and of the four days before. */
function walkMinutes(timeZone: string, start: string): Walk {
  const [from, to] = [Date.parse(start), Date.parse(start) + 36 * HOUR_MS];
  const wallOf = wallReader(timeZone);
  const minutes: Walk['minutes'][number][] = [];
  for (let at = from - 4 * 24 * HOUR_MS; at < to; at += MINUTE_MS) {
    const [, weekday = '', date = '', time = ''] = /^(\w+), (\S+), (\S+)$/.exec(wallOf(at)) ?? [];
    minutes.push({ at, weekday, date, time });
  }
  return { from, to, minutes };
}

/** When a rule's windows begin in a walk: at every minute that shows its time, of a named hour only the first of a day. */
function startsOf({ minutes }: Walk, { minute, hour, weekday }: SimpleRule): number[] {
  const pad = (value: number) => String(value).padStart(2, '0');
  const onDay = minutes.filter((shown) => weekday === null || shown.weekday === WEEKDAYS[weekday]);
  if (hour === null) return onDay.filter(({ time }) => time.endsWith(`:${pad(minute)}`)).map(({ at }) => at);
  const firstAt = (time: string, date: string) => onDay.find((shown) => shown.date === date && shown.time === time)?.at;
  // both zones skip one hour: what an hour later on the clock shows is as long after the skip as the time is into it
  return [...new Set(onDay.map(({ date }) => date))].flatMap(
    (date) => firstAt(`${pad(hour)}:${pad(minute)}`, date) ?? firstAt(`${pad(hour + 1)}:${pad(minute)}`, date) ?? [],
  );
}

/** Whether one of the windows covers each minute of a walk. */
function cover(walk: Walk, rules: readonly SimpleRule[]): boolean[] {
  const { from, to } = walk;
  const open = new Array<boolean>((to - from) / MINUTE_MS).fill(false);
  for (const rule of rules) {
    for (const start of startsOf(walk, rule)) {
      for (let at = start; at < start + rule.minutes * MINUTE_MS; at += MINUTE_MS) {
        if (at >= from && at < to) open[(at - from) / MINUTE_MS] = true;
      }
    }
  }
  return open;
}

const simpleRule = fc.record({
  minute: fc.constantFrom(0, 1, 30, 59),
  hour: fc.option(fc.integer({ min: 0, max: 23 }), { freq: 3 }),
  weekday: fc.option(fc.integer({ min: 0, max: 6 })),
  minutes: fc.integer({ min: 1, max: 2 * 24 * 60 }),
});

/** Days around the changes of the clock, and one where nothing happens. */
const DAYS: readonly (readonly [string, string])[] = [
  ['Europe/Berlin', '2025-03-29T12:00:00Z'],
  ['Europe/Berlin', '2025-10-25T12:00:00Z'],
  ['America/Edmonton', '2025-03-08T12:00:00Z'],
  ['America/Edmonton', '2025-11-01T12:00:00Z'],
  ['UTC', '2024-02-28T12:00:00Z'],
];
const WALKS = DAYS.map(([timeZone, start]) => ({ timeZone, walk: walkMinutes(timeZone, start) }));

test('it agrees with a walk over the minutes, whatever the rules', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...WALKS),
      fc.array(simpleRule, { minLength: 1, maxLength: 3 }),
      fc.array(simpleRule, { maxLength: 2 }),
      fc.array(fc.integer({ min: 0, max: 36 * 60 - 1 }), { minLength: 1, maxLength: 4 }),
      ({ timeZone, walk }, allow, deny, minutes) => {
        const { from, to } = walk;
        const [allowed, denied] = [cover(walk, allow), cover(walk, deny)];
        const expected = allowed.map((is, i) => is && !denied[i]);
        const rules = { timeZone, allow: allow.map(toRule), deny: deny.map(toRule) };
        for (const minute of minutes) {
          const state = windowAt(rules, new Date(from + minute * MINUTE_MS));
          expect(state.open).toBe(expected[minute]);
          const change = expected.findIndex((open, i) => i > minute && open !== state.open);
          const until = change === -1 ? null : from + change * MINUTE_MS;
          // beyond what was walked there is nothing to compare
          if (until !== null) expect(state.until?.getTime()).toBe(until);
          else expect(state.until?.getTime() ?? Number.POSITIVE_INFINITY).toBeGreaterThanOrEqual(to);
        }
      },
    ),
    { numRuns: 100 },
  );
});
