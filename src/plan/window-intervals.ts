import { Cron, CronPattern } from 'croner';
import type { WindowRule } from '../manifest/desired-state.js';
import type { ZonedClock } from './zoned-clock.js';

const MINUTE_MS = 60 * 1000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** From `start` up to but without `end`: instants in milliseconds. */
export interface Interval {
  start: number;
  end: number;
}

/**
 * The time that windows cover, in order; windows that overlap or touch are one interval. Starts with what may still run at
 * `from`, and has every window that begins until `to`.
 *
 * When the clock changes it is as with the cron daemon of Vixie: an hour that is named is meant once, so a window that would
 * begin in a skipped hour begins after it, and one in a repeated hour begins the first time only; `*` for the hour means every
 * hour that passes, the repeated one too.
 */
export function* windowIntervals(
  rules: readonly WindowRule[],
  clock: ZonedClock,
  { from, to }: { from: number; to: number },
): Generator<Interval> {
  const longest = Math.max(0, ...rules.map((rule) => rule.durationMs));
  const schedules = rules.map((rule) => ({ ...readRule(rule), durationMs: rule.durationMs, next: Number.NaN }));
  const [first, last] = [startOfDay(clock.wallOf(from - longest)) - DAY_MS, clock.wallOf(to)];
  let current: Interval | undefined;
  for (let day = first; day <= last; day += DAY_MS) {
    for (const next of intervalsOn(day, schedules, clock)) {
      if (current !== undefined && next.start <= current.end) current.end = Math.max(current.end, next.end);
      else {
        if (current !== undefined) yield current;
        current = next;
      }
    }
  }
  if (current !== undefined) yield current;
}

/** Which days a rule means, and when on such a day, in milliseconds after midnight on the wall. */
interface Days {
  days: Cron;
  times: readonly number[];
  everyHour: boolean;
}

interface Schedule extends Days {
  durationMs: number;
  /** The day on which it comes next; NaN when that is not known yet. */
  next: number;
}

/** Instances of a fleet share its rules, and reading one takes longer than anything that is done with it. */
const known = new WeakMap<WindowRule, Days>();

/** A day either matches or not, whatever the time; the times are the same on each. */
function readRule(rule: WindowRule): Days {
  const before = known.get(rule);
  if (before) return before;
  const { minute, hour } = new CronPattern(rule.cron, 'UTC', { mode: '5-part' });
  const times: number[] = [];
  for (const [h, comes] of hour.entries()) {
    for (const [m, too] of minute.entries()) if (comes && too) times.push((60 * h + m) * MINUTE_MS);
  }
  const days = new Cron(rule.cron.replace(/^\S+ +\S+/, '0 0'), { mode: '5-part', utcOffset: 0 });
  const read: Days = { days, times, everyHour: /^\S+ +\*/.test(rule.cron) };
  known.set(rule, read);
  return read;
}

function intervalsOn(day: number, schedules: readonly Schedule[], clock: ZonedClock): Interval[] {
  const coming = schedules.filter((schedule) => comesOn(schedule, day));
  if (coming.length === 0) return [];
  const instantsOf = clock.instantsOn(day);
  const starts = coming.flatMap(({ times, everyHour, durationMs }) =>
    times.flatMap((time) => {
      const [start, again] = instantsOf(day + time);
      const interval = { start, end: start + durationMs };
      return everyHour && again !== undefined ? [interval, { start: again, end: again + durationMs }] : [interval];
    }),
  );
  return starts.sort((a, b) => a.start - b.start);
}

/** To be asked of days that never go back. */
function comesOn(schedule: Schedule, day: number): boolean {
  if (!(schedule.next >= day)) {
    schedule.next = schedule.days.nextRun(new Date(day - 1000))?.getTime() ?? Number.POSITIVE_INFINITY;
  }
  return schedule.next === day;
}

function startOfDay(wall: number): number {
  return Math.floor(wall / DAY_MS) * DAY_MS;
}
