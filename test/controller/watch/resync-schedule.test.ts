import { expect, it } from 'vitest';
import { startResyncSchedule } from '../../../src/controller/watch/resync-schedule.js';
import { createSimClock } from '../../support/sim/sim-clock.js';

const MINUTE = 60_000;

function start(cron: string, timeZone = 'UTC') {
  const clock = createSimClock(Date.parse('2026-03-02T10:00:30Z'));
  const due: string[] = [];
  const stop = startResyncSchedule({
    cron,
    timeZone,
    clock,
    now: clock.now,
    onDue: () => due.push(clock.now().toISOString().slice(11, 16)),
  });
  return { clock, due, stop };
}

it('says each minute that the expression names, in its time zone', async () => {
  const { clock, due, stop } = start('*/10 12 * * *', 'Europe/Berlin');
  await clock.advance(58 * MINUTE);
  expect(due).toEqual([]);
  await clock.advance(64 * MINUTE);
  stop();
  expect(due).toEqual(['11:00', '11:10', '11:20', '11:30', '11:40', '11:50']);
});

it('goes on after the clock has jumped either way', async () => {
  const { clock, due, stop } = start('*/10 * * * *');
  await clock.advance(11 * MINUTE);
  clock.jump(-24 * 60 * MINUTE);
  await clock.advance(11 * MINUTE);
  clock.jump(365 * 24 * 60 * MINUTE);
  await clock.advance(11 * MINUTE);
  stop();
  await clock.advance(60 * MINUTE);
  expect(due).toEqual(['10:10', '10:20', '10:30']);
});
