import { createTask } from 'node-cron';
import type { QueueClock } from '../queue/work-queue.js';

export interface ResyncOptions {
  cron: string;
  timeZone: string;
  clock: QueueClock;
  /** The wall clock. */
  now(): Date;
  /** It is time. */
  onDue(): void;
}

const MINUTE_MS = 60_000;

/**
 * Says when a minute has come that the expression names, until what is returned is called. It looks at the wall clock once a
 * minute: one that jumps forward skips what lies between, and one that jumps back says no minute twice in a row.
 */
export function startResyncSchedule({ cron, timeZone, clock, now, onDue }: ResyncOptions): () => void {
  const task = createTask(cron, () => undefined, { timezone: timeZone });
  let told = minuteOf(now());
  let cancel = arm();
  return () => {
    cancel();
    void task.destroy();
  };

  function arm(): () => void {
    return clock.after(MINUTE_MS - (now().getTime() % MINUTE_MS) + 5, look);
  }

  function look(): void {
    const at = now();
    const due = minuteOf(at) !== told && task.match(new Date(minuteOf(at) * MINUTE_MS));
    told = minuteOf(at);
    cancel = arm();
    if (due) onDue();
  }
}

function minuteOf(date: Date): number {
  return Math.floor(date.getTime() / MINUTE_MS);
}
