import type { Dispatcher } from 'undici';
import { FlotillaError } from '../../errors.js';
import { errnoOf } from '../files/host-error.js';
import { within } from './within.js';

const BODY_LIMIT_BYTES = 64 * 1024 * 1024;

/** The engine that requests go to. */
export interface EngineAddress {
  dispatcher: Dispatcher;
  /** As in DOCKER_HOST: for messages. */
  dockerHost: string;
}

export interface EngineAnswer {
  status: number;
  /** Parsed; null when it is empty. Never log it: containers carry their environment. */
  body: unknown;
}

/** Gone, or being removed already. */
const GONE: readonly number[] = [404, 409];

/**
 * One request to the Docker Engine. Answers of 404 and 409 are given back, or of what `accept` lists instead; any other
 * that is not a success is an error. A connection that the engine had closed meanwhile is tried again once, for GET only.
 * @throws FlotillaError EngineUnreachable, TimedOut, Cancelled
 */
export async function requestEngine(
  { dispatcher, dockerHost }: EngineAddress,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  { timeoutMs, signal, accept = GONE }: { timeoutMs: number; signal?: AbortSignal; accept?: readonly number[] },
): Promise<EngineAnswer> {
  return within(timeoutMs, signal, async (either) => {
    const attempt = () => send(dispatcher, method, path, { signal: either, accept });
    try {
      return await attempt().catch((error: unknown) =>
        method === 'GET' && isStale(error) ? attempt() : Promise.reject(error),
      );
    } catch (error) {
      if (error instanceof FlotillaError) throw error;
      if (signal?.aborted) throw new FlotillaError('Cancelled', 'cancelled', { cause: signal.reason });
      if (either.aborted)
        throw new FlotillaError('TimedOut', `the Docker Engine did not answer within ${timeoutMs / 1000} s`);
      throw toEngineError(error, dockerHost);
    }
  });
}

/** Translates what a connection to the engine threw. A FlotillaError passes through. */
export function toEngineError(cause: unknown, dockerHost: string): FlotillaError {
  if (cause instanceof FlotillaError) return cause;
  const engine = `the Docker Engine at ${dockerHost} does not answer`;
  switch (errnoOf(cause)) {
    case 'ENOENT':
      return new FlotillaError('EngineUnreachable', `${engine}: there is no such socket`, {
        cause,
        hint: 'Look at systemctl status docker on the host, and at DOCKER_HOST where Flotilla is started.',
      });
    case 'EACCES':
    case 'EPERM':
      return new FlotillaError('EngineUnreachable', `${engine}: permission denied`, {
        cause,
        hint: 'Let the user that runs Flotilla use that socket: as a rule, by putting it into the group docker.',
      });
    default:
      return new FlotillaError('EngineUnreachable', engine, {
        cause,
        hint: 'Look at systemctl status docker on the host.',
      });
  }
}

async function send(
  dispatcher: Dispatcher,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  { signal, accept }: { signal: AbortSignal; accept: readonly number[] },
): Promise<EngineAnswer> {
  const { statusCode, body } = await dispatcher.request({
    origin: 'http://engine',
    method,
    path,
    signal,
    // The caller's time-out is the only one: stopping a container may take its whole grace period.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const text = await readBounded(body);
  if (statusCode >= 400 && !accept.includes(statusCode)) {
    throw new FlotillaError('EngineUnreachable', `the Docker Engine refused a request (HTTP ${statusCode})`);
  }
  return { status: statusCode, body: parseBody(text) };
}

async function readBounded(body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > BODY_LIMIT_BYTES)
      throw new FlotillaError('EngineUnreachable', 'the Docker Engine gave an answer of more than 64 MiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseBody(text: string): unknown {
  if (text === '') return null;
  try {
    return JSON.parse(text);
  } catch {
    throw new FlotillaError('EngineUnreachable', 'the Docker Engine gave an answer that cannot be understood');
  }
}

/** The engine closed a kept connection just as it was used. */
function isStale(error: unknown): boolean {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE';
}
