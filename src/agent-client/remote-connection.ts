import type { ValidateFunction } from 'ajv/dist/2020.js';
import { BrokenCircuitError, ConsecutiveBreaker, circuitBreaker, handleWhen } from 'cockatiel';
import type { Dispatcher } from 'undici';
import { linkSignals } from '../agent/engine/link-signals.js';
import { within } from '../agent/engine/within.js';
import { FlotillaError } from '../errors.js';
import type { Identity } from '../pki/identity.js';
import { fromWireError, type WireError } from '../wire/errors.js';
import type { Route } from '../wire/messages.js';
import { errorAnswer } from '../wire/schema-parts.js';
import { compileMessage } from '../wire/validate-message.js';
import { invalid, parseJson, readBounded, splitLines } from './remote-answers.js';
import { isBroken, type RemoteHost, toRemoteError } from './remote-errors.js';
import { connect, requireUsable } from './remote-tls.js';

export interface RemoteCall {
  /** Of the route's path. */
  params?: Readonly<Record<string, string>>;
  /** Text is JSON already. */
  body?: unknown;
  signal?: AbortSignal | undefined;
  /** The id of a reconcile: goes into the host's log. */
  requestId?: string;
}

export interface AskCall extends RemoteCall {
  timeoutMs: number;
  /** Asks a host that is left alone, too: for what cannot wait until that is over. */
  anyway?: boolean;
}

export interface RemoteConnection {
  /**
   * One request and its whole answer. Tried once more where a kept connection turns out to be closed, so only for what
   * may be asked twice.
   * @throws FlotillaError what the agent says, or HostUnreachable, PeerRefused, TimedOut, AnswerInvalid, Cancelled
   */
  ask<T>(route: Route, check: ValidateFunction<T>, call: AskCall): Promise<T>;
  /** One request whose answer comes in lines: within `answerMs`, and then never silent for `silenceMs`. @throws as `ask` */
  lines(route: Route, call: RemoteCall & { answerMs: number; silenceMs: number }): AsyncGenerator<string>;
  close(): Promise<void>;
}

/** Streams last, so that they have connections of their own: however many there are, a question finds one that is free. */
const CONNECTIONS = { ask: 8, lines: 256 };
/** A host that failed so often in a row is left alone for a while. */
const FAILURES = 3;
const PAUSE_MS = 10_000;

/** Connects when first used; kept-alive connections, TLS 1.3 with our certificate, a circuit breaker of its own. */
export function createRemoteConnection(
  host: RemoteHost,
  credentials: () => Identity,
  { connectMs }: { connectMs: number },
): RemoteConnection {
  /** What the agent itself says of one instance is no failure of the host. */
  const said = new WeakSet<Error>();
  const isOfTheHost = (error: unknown): error is FlotillaError =>
    error instanceof FlotillaError && OF_THE_HOST.has(error.code) && !said.has(error);
  const breaker = circuitBreaker(handleWhen(isOfTheHost), {
    breaker: new ConsecutiveBreaker(FAILURES),
    halfOpenAfter: PAUSE_MS,
  });
  /** The last for which the host is left alone, once it is. */
  let lastFailure: FlotillaError | undefined;
  const isError = compileMessage<{ error: WireError }>(errorAnswer);
  let open: (Record<'ask' | 'lines', Dispatcher> & { with: Identity }) | undefined;
  const leaving = new Set<Dispatcher>();

  /** New certificates mean new connections; requests on the old ones come to their end. */
  function dispatchers() {
    const now = credentials();
    requireUsable(now, new Date());
    if (open?.with === now) return open;
    if (open) for (const old of [open.ask, open.lines]) leave(old);
    open = {
      ask: connect(host, now, { connections: CONNECTIONS.ask, connectMs }),
      lines: connect(host, now, { connections: CONNECTIONS.lines, connectMs }),
      with: now,
    };
    return open;
  }

  function leave(dispatcher: Dispatcher): void {
    leaving.add(dispatcher);
    const left = () => leaving.delete(dispatcher);
    dispatcher.close().then(left, left);
  }

  async function send(
    kind: 'ask' | 'lines',
    route: Route,
    call: RemoteCall,
    options: { signal: AbortSignal; headersTimeout: number; bodyTimeout: number },
  ) {
    const answer = dispatchers()[kind].request({
      origin: host.url,
      method: route.method,
      path: fillPath(route.path, call.params ?? {}),
      headers: {
        ...(call.body !== undefined && { 'content-type': 'application/json' }),
        ...(call.requestId !== undefined && { 'x-request-id': call.requestId }),
      },
      body: encodeBody(route, call.body, host),
      ...options,
    });
    return orAborted(answer, options.signal);
  }

  async function refuseFailure({ statusCode, body }: Dispatcher.ResponseData): Promise<void> {
    if (statusCode < 400) return;
    const answer = parseJson(await readBounded(body));
    if (isError(answer)) {
      const error = fromWireError(answer.error);
      said.add(error);
      throw error;
    }
    throw invalid(host, `it answers with HTTP ${statusCode} and no error of Flotilla`);
  }

  async function askOnce<T>(route: Route, check: ValidateFunction<T>, call: AskCall) {
    return within(call.timeoutMs, call.signal, async (signal) => {
      try {
        const response = await send('ask', route, call, { signal, headersTimeout: 0, bodyTimeout: 0 });
        await refuseFailure(response);
        const answer = parseJson(await readBounded(response.body));
        if (check(answer)) return answer;
        throw invalid(host, 'its answer is not as it should be');
      } catch (error) {
        if (signal.aborted && !call.signal?.aborted) throw timedOut(host, call.timeoutMs, error);
        throw error;
      }
    });
  }

  async function askTwice<T>(route: Route, check: ValidateFunction<T>, call: AskCall): Promise<T> {
    try {
      return await askOnce(route, check, call);
    } catch (error) {
      if (isBroken(error) && !call.signal?.aborted) return askOnce(route, check, call);
      throw error;
    }
  }

  return {
    async ask(route, check, call) {
      const ask = () =>
        askTwice(route, check, call).catch((error: unknown) => Promise.reject(toRemoteError(error, host, call.signal)));
      if (call.anyway) return ask();
      const noted = () =>
        ask().catch((error: unknown) => {
          if (isOfTheHost(error)) lastFailure = error;
          throw error;
        });
      try {
        return await breaker.execute(noted);
      } catch (error) {
        throw error instanceof BrokenCircuitError && lastFailure ? leftAlone(lastFailure) : error;
      }
    },
    async *lines(route, call) {
      const { signal, unlink } = linkSignals([call.signal]);
      try {
        const response = await send('lines', route, call, {
          signal,
          headersTimeout: call.answerMs,
          bodyTimeout: call.silenceMs,
        });
        await refuseFailure(response);
        yield* splitLines(response.body, host);
      } catch (error) {
        throw toRemoteError(error, host, call.signal);
      } finally {
        unlink();
      }
    },
    close: async () => {
      const all = [...leaving, ...(open ? [open.ask, open.lines] : [])];
      await Promise.all(all.map((dispatcher) => dispatcher.destroy()));
    },
  };
}

const OF_THE_HOST: ReadonlySet<string> = new Set(['HostUnreachable', 'PeerRefused', 'TimedOut', 'AnswerInvalid']);

/** Every parameter is one segment, whatever it holds. */
function fillPath(path: string, params: Readonly<Record<string, string>>): string {
  return path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
}

/** undici heeds a signal only once it is connected, and a host that says nothing is not soon. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort);
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** An agent would close the connection on what is too large, often before its answer can be read. */
function encodeBody({ bodyLimit }: Route, body: unknown, { name }: RemoteHost): string | null {
  if (body === undefined) return null;
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  if (Buffer.byteLength(text) <= bodyLimit) return text;
  throw new FlotillaError(
    'RequestTooLarge',
    `host ${name}: the request is larger than the ${bodyLimit / 1024 / 1024} MiB that an agent takes`,
    { hint: 'files are sent whole: leave large ones to the tenant, or to an image' },
  );
}

function timedOut({ name, url }: RemoteHost, timeoutMs: number, cause: unknown): FlotillaError {
  return new FlotillaError(
    'TimedOut',
    `host ${name}: the agent at ${url} did not answer within ${timeoutMs / 1000} s`,
    {
      cause,
      hint: "look at the host's load, and at journalctl -u flotilla-agent",
    },
  );
}

/** Why it is left alone. What differed from the failure itself would be news at each retry of each instance. */
function leftAlone(failure: FlotillaError): FlotillaError {
  const pause = `it failed ${FAILURES} times in a row: it is left alone for ${PAUSE_MS / 1000} s, and then asked again`;
  const hint = failure.hint === undefined ? pause : `${failure.hint}; ${pause}`;
  return new FlotillaError(failure.code, failure.message, { cause: failure, hint });
}
