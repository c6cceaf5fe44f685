import { measureBurst } from './burst.js';
import { measureDay } from './day.js';
import { measureDrift } from './drift.js';
import type { Figure } from './figure.js';
import { measureIdle } from './idle.js';
import { measurePush } from './push.js';
import { measureSave } from './save.js';

/** What the daemon is measured at. */
export const WATCH_BENCHES = ['push', 'save', 'drift', 'idle', 'day', 'burst'] as const;

const SAMPLES = 100;

/** One after the other, each on a fleet of its own. */
export async function* watchFigures(chosen: ReadonlySet<string>, scratch: string): AsyncGenerator<Figure> {
  if (chosen.has('push')) yield await measurePush(scratch, SAMPLES);
  if (chosen.has('save')) yield await measureSave(scratch, SAMPLES);
  if (chosen.has('drift')) yield* await measureDrift(scratch, SAMPLES);
  if (chosen.has('idle')) yield* await measureIdle(scratch);
  if (chosen.has('day')) yield await measureDay(scratch);
  if (chosen.has('burst')) yield await measureBurst(scratch);
}
