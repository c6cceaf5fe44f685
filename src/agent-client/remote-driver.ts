import { setTimeout as sleep } from 'node:timers/promises';
import { FlotillaError } from '../errors.js';
import type { Identity } from '../pki/identity.js';
import type { ObservedTenant } from '../plan/observed.js';
import { decodeRollback, encodeInspect } from '../wire/codec.js';
import { type ObserveAnswer, ROUTES, type RollbackAnswer } from '../wire/messages.js';
import { compileMessage } from '../wire/validate-message.js';
import { createRecentMap } from './recent-map.js';
import { APPLY_PATIENCE, type ApplyPatience, applyRemotely } from './remote-apply.js';
import { createRemoteConnection, type RemoteConnection } from './remote-connection.js';
import type { RemoteHost } from './remote-errors.js';
import type { Generation, HostEvent, ObserveRequest, TenantDriver } from './tenant-driver.js';

/** How long an agent is waited for, in milliseconds. */
export interface RemotePatience {
  /** Until the handshake is done. */
  connectMs: number;
  observeMs: number;
  inspectMs: number;
  /** A stream of events says each 5 s that it is alive. */
  silenceMs: number;
  apply: ApplyPatience;
}

const PATIENCE: RemotePatience = {
  connectMs: 5_000,
  observeMs: 30_000,
  // Compose is asked up to three times.
  inspectMs: 90_000,
  silenceMs: 20_000,
  apply: APPLY_PATIENCE,
};

/** Observations that are remembered, by instance: those of instances that left desired state are forgotten in time. */
const MAX_SEEN = 20_000;

const RECONNECT_MS = { first: 250, most: 15_000 };
/** So many attempts take some seconds: an agent that is only started again is back by then. */
const LOST_AFTER = 4;

const isObserveAnswer = compileMessage<ObserveAnswer>(ROUTES.observe.answer);
const isInspection = compileMessage<Awaited<ReturnType<TenantDriver['inspect']>>>(ROUTES.inspect.answer);
const isGenerations = compileMessage<Generation[]>(ROUTES.generations.answer);
const isRollback = compileMessage<RollbackAnswer>(ROUTES.rollback.answer);
const isEvent = compileMessage<HostEvent>(ROUTES.events.answer);

/**
 * The driver of a host that is reached through its agent, over mutual TLS. What it observed is remembered, so that an
 * instance that has not changed costs a few bytes.
 *
 * @param credentials the controller's certificate and the revoked ones, as they are now
 */
export function createRemoteDriver(
  host: RemoteHost,
  credentials: () => Identity,
  { connectMs, observeMs, inspectMs, silenceMs, apply }: RemotePatience = PATIENCE,
): TenantDriver {
  const connection = createRemoteConnection(host, credentials, { connectMs });
  const seen = createRecentMap<Seen>(MAX_SEEN);
  return {
    async observe(requests, { containers = true, signal } = {}) {
      const keys = requests.map(({ slug }) => `${containers} ${slug}`);
      // What the agent is told to be known is what its answer is about, whatever else is asked meanwhile.
      const known = keys.map((key) => seen.get(key));
      const texts = requests.map((request, i) => textOf(request, known[i]));
      const body = `{"containers":${containers},"requests":[${texts.join(',')}]}`;
      const { tenants } = await connection.ask(ROUTES.observe, isObserveAnswer, { body, signal, timeoutMs: observeMs });
      return requests.map((request, i) => {
        const fresh = tenants[i];
        const observed = fresh?.observed ?? known[i]?.observed;
        if (observed?.slug !== request.slug || tenants.length !== requests.length) {
          throw new FlotillaError('AnswerInvalid', `host ${host.name}: the agent left out ${request.slug}`);
        }
        if (fresh) seen.set(keys[i] as string, remember(request, fresh));
        return observed;
      });
    },
    inspect: (request, { signal } = {}) =>
      connection.ask(ROUTES.inspect, isInspection, {
        params: { slug: request.tenant.slug },
        body: encodeInspect(request),
        signal,
        timeoutMs: inspectMs,
      }),
    apply: (request, options = {}) => applyRemotely(connection, request, options, apply),
    generations: ({ slug, project, directory }, { signal } = {}) =>
      connection.ask(ROUTES.generations, isGenerations, {
        params: { slug },
        body: { slug, project, directory },
        signal,
        timeoutMs: observeMs,
      }),
    async planRollback({ slug, project, directory, to, timeouts }, { signal } = {}) {
      const body = { slug, project, directory, timeouts, ...(to !== undefined && { to }) };
      const call = { params: { slug }, body, signal, timeoutMs: inspectMs };
      return decodeRollback(await connection.ask(ROUTES.rollback, isRollback, call));
    },
    events: ({ signal }) => listen(connection, signal, silenceMs),
    close: () => connection.close(),
  };
}

/** An observation, and what is to be sent to hear whether it still holds. */
interface Seen {
  observed: ObservedTenant;
  tag: string;
  request: ObserveRequest;
  text: string;
}

function remember(request: ObserveRequest, { tag, observed }: { tag: string; observed: ObservedTenant }): Seen {
  return { observed, tag, request, text: toText(request, tag) };
}

/** A sweep asks with the same objects as the one before: then nothing is written anew. */
function textOf(request: ObserveRequest, known: Seen | undefined): string {
  return known?.request === request ? known.text : toText(request, known?.tag);
}

function toText({ slug, project, directory, paths }: ObserveRequest, known: string | undefined): string {
  return JSON.stringify({ slug, project, directory, paths, ...(known !== undefined && { known }) });
}

/**
 * For as long as it is wanted: a lost connection is sought again, and the agent then says `resync` first. Where it is not found
 * soon, that is worth a look, too: whoever hears `resync` asks, and learns that the host is gone.
 */
async function* listen(
  connection: RemoteConnection,
  signal: AbortSignal,
  silenceMs: number,
): AsyncGenerator<HostEvent> {
  let failures = 0;
  for (let pauseMs = RECONNECT_MS.first; !signal.aborted; pauseMs = Math.min(2 * pauseMs, RECONNECT_MS.most)) {
    try {
      for await (const line of connection.lines(ROUTES.events, { signal, answerMs: silenceMs, silenceMs })) {
        const event = parseEvent(line);
        if (event === null) continue;
        pauseMs = RECONNECT_MS.first;
        failures = 0;
        yield event;
      }
    } catch (error) {
      if (!(error instanceof FlotillaError)) throw error;
    }
    failures += 1;
    if (failures === LOST_AFTER && !signal.aborted) yield { type: 'resync' };
    await sleep(pauseMs * (0.5 + Math.random()), undefined, { signal }).catch(() => undefined);
  }
}

/** null for the lines of a stream that carry no event. */
function parseEvent(line: string): HostEvent | null {
  if (!line.startsWith('data: ')) return null;
  try {
    const event: unknown = JSON.parse(line.slice('data: '.length));
    return isEvent(event) ? event : null;
  } catch {
    return null;
  }
}
