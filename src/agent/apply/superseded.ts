import { FlotillaError } from '../../errors.js';
import type { Apply } from './apply.js';

/** What an apply fails with that was stopped because newer desired state waits; any other error as it is. */
export function asSuperseded(error: unknown, { plan, supersede }: Pick<Apply, 'plan' | 'supersede'>): unknown {
  if (!supersede?.aborted || !(error instanceof FlotillaError) || error.code !== 'Cancelled') return error;
  const { cause, phase } = error;
  return new FlotillaError('Superseded', `${plan.slug}: stopped, as newer desired state is waiting`, {
    cause,
    hint: 'the next reconcile applies the newer one',
    ...(phase !== undefined && { phase }),
  });
}

export function isSuperseded(error: unknown): boolean {
  return error instanceof FlotillaError && error.code === 'Superseded';
}
