import type { ErrorCode } from '../../errors.js';

/** Whether it says that a host gave no answer at all, where all that was asked is how its instances are. Pure. */
export function gaveNoAnswer(code: ErrorCode): boolean {
  return NO_ANSWER.has(code);
}

const NO_ANSWER: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['HostUnreachable', 'PeerRefused', 'TimedOut']);
