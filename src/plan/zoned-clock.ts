const DAY_MS = 24 * 60 * 60 * 1000;

/** The wall clock of a time zone. Instants and walls are milliseconds; a wall is what the clock shows, written as if it were UTC. */
export interface ZonedClock {
  wallOf(instant: number): number;
  /**
   * When the clock shows a time of the day that starts at the wall `day`: twice where it goes back over it, the earlier first. A
   * time that it skips is as long after the skip as it is into it.
   */
  instantsOn(day: number): (wall: number) => readonly [number, number?];
}

/** By the zone's rules as the runtime knows them. @throws RangeError when there is no such zone */
export function zonedClock(timeZone: string): ZonedClock {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const offsetAt = (instant: number) => readWall(format, instant) - Math.floor(instant / 1000) * 1000;
  const wallOf = (instant: number) => instant + offsetAt(instant);
  const instantsOn = (day: number) => {
    // an instant of that day is less than a day away from what its wall would be in UTC
    const [before, after] = [offsetAt(day - DAY_MS), offsetAt(day + 2 * DAY_MS)];
    return (wall: number): [number, number?] => {
      const [early, late] = [wall - before, wall - after];
      if (before === after) return [early];
      if (wallOf(early) !== wall) return [wallOf(late) === wall ? late : early];
      return wallOf(late) === wall ? [early, late] : [early];
    };
  };
  return { wallOf, instantsOn };
}

function readWall(format: Intl.DateTimeFormat, instant: number): number {
  const parts: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {};
  for (const { type, value } of format.formatToParts(instant)) parts[type] = Number(value);
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}
