import { FlotillaError } from '../errors.js';
import type { ItemError } from './report.js';

/** What an unexpected error says may hold anything, so only its kind is passed on. */
export function toItemError(error: unknown): ItemError {
  if (error instanceof FlotillaError) {
    const { code, message, hint, phase, problems } = error;
    return { code, message, hint: hint ?? null, phase: phase ?? null, problems };
  }
  const kind = error instanceof Error ? error.name : typeof error;
  return {
    code: 'Internal',
    message: `unexpected ${kind}`,
    hint: 'run again with --log-level debug and report it',
    phase: null,
    problems: [],
  };
}
