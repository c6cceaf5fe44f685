import { DelegateBackoff, handleWhenResult, type IRetryBackoffContext, retry } from 'cockatiel';
import type { Dispatcher } from 'undici';
import type { NoticeSeverity, NotificationConfig } from '../config/watch-config.js';
import type { Logger } from '../log.js';
import { compileBody } from './compile-body.js';
import type { Notice } from './notifier.js';
import { type PostOutcome, postNotice } from './post-notice.js';

export type NoticeOutcome = 'sent' | 'failed' | 'dropped';

export interface OutletOptions {
  log: Logger;
  onOutcome(outcome: NoticeOutcome): void;
  dispatcher: Dispatcher;
  /** Waits between attempts, doubling. */
  backoff: { firstMs: number; mostMs: number };
  /** How many notices wait at most. */
  limit: number;
}

/** The way to one target: notices go out in order, one at a time. */
export interface Outlet {
  offer(notice: Notice): void;
  /** Takes no more, sends what waits for at most so long, and drops the rest. */
  close(patienceMs: number): Promise<void>;
}

const RETRIES = 4;
const RANKS: Record<NoticeSeverity, number> = { info: 0, warning: 1, error: 2 };

export function createOutlet(target: NotificationConfig, options: OutletOptions): Outlet {
  const { onOutcome, limit } = options;
  const log = options.log.child({ target: `${target.type} ${originOf(target.url)}` });
  const bodyOf = compileBody(target);
  const policy = retryPolicy(options.backoff);
  const ending = new AbortController();
  const waiting: Notice[] = [];
  /** The one run that sends; undefined exactly when nothing waits and nothing is being sent. */
  let sending: Promise<void> | undefined;
  let isClosed = false;
  /** Said once, until all that waited has gone out. */
  let saidFull = false;

  function offer(notice: Notice): void {
    if (RANKS[notice.severity] < RANKS[target.atLeast]) return;
    if (isClosed) {
      onOutcome('dropped');
      return;
    }
    waiting.push(notice);
    if (waiting.length > limit) dropOldest();
    sending ??= sendAll();
  }

  function dropOldest(): void {
    waiting.shift();
    onOutcome('dropped');
    if (!saidFull) log.warn({ limit }, 'too many notices wait, the oldest are dropped');
    saidFull = true;
  }

  async function sendAll(): Promise<void> {
    await Promise.resolve();
    for (let next = waiting.shift(); next; next = waiting.shift()) await send(next);
    sending = undefined;
    saidFull = false;
  }

  async function send(notice: Notice): Promise<void> {
    const { kind: event, slug } = notice;
    try {
      const body = bodyOf(notice);
      const { signal } = ending;
      const post = () => postNotice(target, body, { dispatcher: options.dispatcher, signal });
      const outcome = await unlessAborted(policy.execute(post, signal), signal);
      if (outcome?.kind === 'sent') log.debug({ event, slug }, 'notice sent');
      else if (outcome) log.warn({ event, slug, why: outcome.why }, 'notice not sent');
      onOutcome(outcome === undefined ? 'dropped' : outcome.kind === 'sent' ? 'sent' : 'failed');
    } catch (error) {
      log.error({ event, slug, error }, 'notice not sent');
      onOutcome('failed');
    }
  }

  async function close(patienceMs: number): Promise<void> {
    isClosed = true;
    const timer = setTimeout(() => {
      const dropped = waiting.splice(0);
      for (const _ of dropped) onOutcome('dropped');
      log.warn({ dropped: dropped.length + 1 }, 'notices dropped, as there was no time to send them');
      ending.abort();
    }, patienceMs);
    await sending;
    clearTimeout(timer);
  }

  return { offer, close };
}

/** Up to four more attempts; a wait that the other side asks for holds. */
function retryPolicy({ firstMs, mostMs }: OutletOptions['backoff']) {
  const wait = ({ attempt, result }: IRetryBackoffContext<unknown>) => {
    const outcome = ('value' in result ? result.value : undefined) as PostOutcome | undefined;
    const asked = outcome?.kind === 'again' ? outcome.afterMs : null;
    return asked ?? Math.min(mostMs, firstMs * 2 ** (attempt - 1)) * (0.5 + Math.random() / 2);
  };
  // Cockatiel's waits cannot be ended: unreferenced, one that nobody waits for any more keeps no process.
  return retry(
    handleWhenResult((outcome) => (outcome as PostOutcome).kind === 'again'),
    { maxAttempts: RETRIES, backoff: new DelegateBackoff(wait) },
  ).dangerouslyUnref();
}

/** What the work gives, or undefined once it is of no interest any more. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const onAbort = () => resolve(undefined);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort);
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** The rest of an address can be the secret. */
function originOf(url: string): string {
  try {
    return new URL(url).origin;
  } catch {
    return 'at no address';
  }
}
