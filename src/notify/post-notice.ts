import { type Dispatcher, request } from 'undici';
import type { NotificationConfig } from '../config/watch-config.js';

/** What became of one attempt. `again`: the other side may take it later. */
export type PostOutcome =
  | { kind: 'sent' }
  | { kind: 'again'; why: string; afterMs: number | null }
  | { kind: 'refused'; why: string };

const TIMEOUT_MS = 10_000;
/** Whoever asks us to wait longer is asked again after this. */
const LONGEST_RETRY_AFTER_MS = 60_000;

/**
 * Sends a body once, within 10 seconds. Redirects are not followed: they would take the headers elsewhere. Never throws; an
 * attempt that `signal` ends is one to be made again.
 */
export async function postNotice(
  { url, headers }: NotificationConfig,
  body: string,
  { dispatcher, signal, timeoutMs = TIMEOUT_MS }: { dispatcher: Dispatcher; signal: AbortSignal; timeoutMs?: number },
): Promise<PostOutcome> {
  const ending = new AbortController();
  const onAbort = () => ending.abort();
  signal.addEventListener('abort', onAbort);
  if (signal.aborted) onAbort();
  const timer = setTimeout(() => ending.abort(), timeoutMs);
  try {
    const answer = request(url, {
      method: 'POST',
      headers: headersOf(headers),
      body,
      dispatcher,
      signal: ending.signal,
    });
    const { statusCode, headers: said, body: rest } = await orAborted(answer, ending.signal);
    await orAborted(rest.dump({ limit: 64 * 1024 }), ending.signal).catch(() => undefined);
    return judge(statusCode, said['retry-after']);
  } catch (error) {
    return { kind: 'again', why: ending.signal.aborted ? 'timeout' : codeOf(error), afterMs: null };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

function headersOf(headers: NotificationConfig['headers']): Record<string, string> {
  const own = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  return { 'content-type': 'application/json; charset=utf-8', 'user-agent': 'flotilla', ...Object.fromEntries(own) };
}

function judge(status: number, retryAfter: string | string[] | undefined): PostOutcome {
  const why = `status ${status}`;
  if (status >= 200 && status < 300) return { kind: 'sent' };
  if (status === 429 || status >= 500) return { kind: 'again', why, afterMs: parseRetryAfter(retryAfter, Date.now()) };
  return { kind: 'refused', why };
}

/** RFC 9110, 10.2.3: seconds, or a date. In milliseconds from now, at most a minute; null where nothing is said. */
export function parseRetryAfter(value: string | string[] | undefined, nowMs: number): number | null {
  const text = Array.isArray(value) ? value[0] : value;
  if (text === undefined) return null;
  const ms = /^\d+$/.test(text.trim()) ? Number(text) * 1_000 : Date.parse(text) - nowMs;
  return Number.isNaN(ms) ? null : Math.min(LONGEST_RETRY_AFTER_MS, Math.max(0, ms));
}

/** What the error is called; what it says may hold the address. */
function codeOf(error: unknown): string {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && /^\w+$/.test(code) ? code : 'unreachable';
}

/** undici heeds a signal only once it is connected. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(new Error('aborted'));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort);
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
