import type { ErrorCode } from '../../errors.js';

/** The HTTP status of an error; what is not here is 422: the request was understood and cannot be done. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  RequestInvalid: 400,
  UsageInvalid: 400,
  PathEscapes: 400,
  PeerRefused: 403,
  RouteNotFound: 404,
  ApplyNotFound: 404,
  GenerationNotFound: 404,
  Locked: 409,
  PlanStale: 409,
  RequestTooLarge: 413,
  Cancelled: 499,
  Internal: 500,
  EngineUnreachable: 502,
  HostBusy: 503,
  TimedOut: 504,
};

export function statusOf(code: ErrorCode): number {
  return STATUS[code] ?? 422;
}
