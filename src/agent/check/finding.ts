import { FlotillaError } from '../../errors.js';

/** One thing that was looked at before an agent starts. */
export interface Finding {
  /** `fail`: an agent here would not start, or could not bring a tenant up. `warn`: it will, but somebody should look. */
  level: 'ok' | 'warn' | 'fail';
  check: 'engine' | 'docker' | 'compose' | 'flock' | 'root' | 'tenants' | 'certificate' | 'key' | 'clock' | 'address';
  message: string;
  /** What to do about it. */
  hint?: string;
}

type Check = Finding['check'];

export function ok(check: Check, message: string): Finding {
  return { level: 'ok', check, message };
}

export function warn(check: Check, message: string, hint: string): Finding {
  return { level: 'warn', check, message, hint };
}

export function fail(check: Check, message: string, hint: string): Finding {
  return { level: 'fail', check, message, hint };
}

/** What an error says; of one that we did not raise, no more than that it was there. */
export function failedWith(check: Check, error: unknown, hint: string): Finding {
  if (!(error instanceof FlotillaError)) return fail(check, 'unexpected error', hint);
  return fail(check, error.message, error.hint ?? hint);
}
