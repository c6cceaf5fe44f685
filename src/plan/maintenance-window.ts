import type { Maintenance } from '../manifest/desired-state.js';
import { type Interval, windowIntervals } from './window-intervals.js';
import { zonedClock } from './zoned-clock.js';

export interface WindowState {
  /** Whether updates may be applied now. */
  open: boolean;
  /** When that next changes; null when it does not within a year. */
  until: Date | null;
  /** Why, in a phrase: `inside a maintenance window`. */
  reason: string;
}

const YEAR_MS = 366 * 24 * 60 * 60 * 1000;

/**
 * Whether a moment lies in the maintenance windows: in one of `allow`, where there is any, and in none of `deny`. A window lasts
 * its whole duration from the instant at which it begins, so that a change of the clock neither stretches nor cuts it. Pure.
 */
export function windowAt(maintenance: Maintenance, now: Date): WindowState {
  const key = JSON.stringify(maintenance);
  const at = now.getTime();
  const last = known.get(key);
  if (last && at >= last.from && at < last.to) return last.state;
  const state = lookAhead(maintenance, now);
  if (known.size >= MOST_KNOWN) known.clear();
  known.set(key, { from: at, to: state.until?.getTime() ?? at + DAY_MS, state });
  return state;
}

/**
 * A state holds until it changes, so it is worked out once: looking a year ahead along windows that touch each other takes a
 * third of a second, and a fleet asks for each of its instances.
 */
const known = new Map<string, { from: number; to: number; state: WindowState }>();
const MOST_KNOWN = 1_000;
const DAY_MS = 24 * 60 * 60 * 1000;

function lookAhead({ timeZone, allow, deny }: Maintenance, now: Date): WindowState {
  const clock = zonedClock(timeZone);
  const [from, to] = [now.getTime(), now.getTime() + YEAR_MS];
  const allowed = allow.length === 0 ? ALWAYS : follow(windowIntervals(allow, clock, { from, to }));
  const denied = follow(windowIntervals(deny, clock, { from, to }));
  const start = [allowed(from), denied(from)] as const;
  const open = isOpen(start);
  const reason = explain(start, allow.length > 0);
  let state: readonly [Cover, Cover] = start;
  while (isOpen(state) === open) {
    const next = Math.min(state[0].until, state[1].until);
    if (next > to) return { open, until: null, reason };
    state = [allowed(next), denied(next)];
    if (isOpen(state) !== open) return { open, until: new Date(next), reason };
  }
  return { open, until: null, reason };
}

/** Whether intervals cover an instant, and the instant at which that changes. */
interface Cover {
  covered: boolean;
  until: number;
}

const ALWAYS = (): Cover => ({ covered: true, until: Number.POSITIVE_INFINITY });

function isOpen([allowed, denied]: readonly [Cover, Cover]): boolean {
  return allowed.covered && !denied.covered;
}

/** To be asked of instants that never go back. */
function follow(intervals: Iterator<Interval>): (instant: number) => Cover {
  let current = intervals.next();
  return (instant) => {
    while (!current.done && current.value.end <= instant) current = intervals.next();
    if (current.done) return { covered: false, until: Number.POSITIVE_INFINITY };
    const covered = current.value.start <= instant;
    return { covered, until: covered ? current.value.end : current.value.start };
  };
}

function explain([allowed, denied]: readonly [Cover, Cover], hasAllow: boolean): string {
  if (denied.covered) return 'inside a window that spec.maintenance.deny closes';
  if (!allowed.covered) return 'outside the windows of spec.maintenance.allow';
  return hasAllow ? 'inside a maintenance window' : 'no window is closed';
}
