import { constants } from 'node:crypto';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import Fastify, { type FastifyInstance, LogController } from 'fastify';
import type { TenantDriver } from '../../agent-client/tenant-driver.js';
import type { Logger } from '../../log.js';
import type { Identity } from '../../pki/identity.js';
import type { InfoAnswer } from '../../wire/messages.js';
import { compileMessage } from '../../wire/validate-message.js';
import { type AdmissionLimits, createAdmission } from './admission.js';
import { answerError, answerErrors, onClientError } from './answer-errors.js';
import { createApplyRuns } from './apply-runs.js';
import { boundJson } from './json-body.js';
import { createObservationTags } from './observation-tags.js';
import { checkPeers } from './peers.js';
import { requestIdOf } from './request-id.js';
import { addRoutes } from './routes.js';

export interface AgentOptions {
  driver: TenantDriver;
  info(): Promise<InfoAnswer>;
  identity: Identity;
  log: Logger;
  limits?: Partial<AgentLimits>;
}

export interface AgentLimits {
  looks: AdmissionLimits;
  previews: AdmissionLimits;
  applies: AdmissionLimits;
  streams: AdmissionLimits;
  connections: number;
  /** Until all of a request has arrived, in milliseconds. */
  requestTimeoutMs: number;
  /** How long a connection may be silent in both directions while it is answered, in milliseconds. */
  silenceMs: number;
}

export interface Agent {
  app: FastifyInstance;
  /**
   * For connections from now on; whoever is revoked now is refused on those that are open, too.
   * @returns false when it is the one in use
   */
  useIdentity(identity: Identity): boolean;
  /** Takes nothing new, cancels applies that have changed nothing yet, finishes the others. */
  close(): Promise<void>;
}

const PATIENCE_MS = 30_000;
const LIMITS: AgentLimits = {
  looks: { slots: 8, waiting: 512, patienceMs: PATIENCE_MS },
  previews: { slots: 4, waiting: 256, patienceMs: PATIENCE_MS },
  applies: { slots: 8, waiting: 256, patienceMs: PATIENCE_MS },
  streams: { slots: 64, waiting: 0, patienceMs: 0 },
  connections: 512,
  requestTimeoutMs: 60_000,
  // A preview may take 90 s, and streams say each 5 s that they are alive.
  silenceMs: 120_000,
};

/** Of requests for which no route says more. */
const BODY_LIMIT = 1024;

/** No route has a parameter longer than a slug or a UUID. */
const MAX_PARAM = 63;

/** The tenants of `driver` behind HTTPS with client certificates, TLS 1.3 only. Does not listen yet. */
export function buildAgent({ driver, info, identity, log, limits = {} }: AgentOptions): Agent {
  const bounds = { ...LIMITS, ...limits };
  const app = Fastify({
    https: { ...tlsOptions(identity), ...httpBounds(bounds) },
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'reconcileId' }),
    genReqId: requestIdOf,
    requestTimeout: bounds.requestTimeoutMs,
    connectionTimeout: bounds.silenceMs,
    keepAliveTimeout: 75_000,
    // Until it has stopped: what runs is finished, and may be followed.
    return503OnClosing: false,
    bodyLimit: BODY_LIMIT,
    frameworkErrors: (error, request, reply) => void answerError(error, request, reply),
    forceCloseConnections: 'idle',
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: MAX_PARAM },
    clientErrorHandler: onClientError,
  }) as unknown as FastifyInstance;
  app.server.maxConnections = bounds.connections;
  app.server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
    // What is wrong with a certificate says more than that the connection then ended.
    const code = socket.authorizationError ?? error.code;
    log.info({ peer: socket.remoteAddress, code: String(code) }, 'refused a connection');
  });
  parseJsonOnly(app);
  app.setValidatorCompiler(({ schema }) => compileMessage(schema as object));
  answerErrors(app);

  let inUse = identity;
  const peers = checkPeers(app, identity);
  app.addHook('onResponse', async (request, reply) => {
    const { method, routeOptions } = request;
    const fields = {
      method,
      route: routeOptions.url,
      status: reply.statusCode,
      durationMs: Math.round(reply.elapsedTime),
    };
    request.log.debug(fields, 'answered');
  });

  const runs = createApplyRuns();
  const stopping = new AbortController();
  const greeting = trackGreetings(app);
  addRoutes(app, {
    driver,
    stopping: stopping.signal,
    info,
    runs,
    tags: createObservationTags(),
    admission: {
      looks: createAdmission(bounds.looks),
      previews: createAdmission(bounds.previews),
      applies: createAdmission(bounds.applies),
      streams: createAdmission(bounds.streams),
    },
  });
  return {
    app,
    useIdentity(next) {
      if (next === inUse) return false;
      (app.server as unknown as { setSecureContext(options: object): void }).setSecureContext(tlsOptions(next));
      inUse = next;
      peers.judgeBy(next);
      return true;
    },
    async close() {
      const closed = app.close();
      await runs.drain();
      stopping.abort();
      await hangUp(app, greeting, closed);
    },
  };
}

/** How long those who follow what has just ended have to read it, in milliseconds. */
const FAREWELL_MS = 2_000;

async function hangUp(
  app: FastifyInstance,
  greeting: ReadonlyMap<string, Socket>,
  closed: Promise<unknown>,
): Promise<void> {
  const idle = setInterval(() => app.server.closeIdleConnections(), 20);
  const rest = setTimeout(() => {
    app.server.closeAllConnections();
    for (const socket of greeting.values()) socket.destroy();
  }, FAREWELL_MS);
  try {
    await closed;
  } finally {
    clearInterval(idle);
    clearTimeout(rest);
  }
}

/** Connections whose handshake is not done, which the server does not count among its own, by where they come from. */
function trackGreetings(app: FastifyInstance): ReadonlyMap<string, Socket> {
  const greeting = new Map<string, Socket>();
  const keyOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`;
  app.server.on('connection', (socket: Socket) => {
    const key = keyOf(socket);
    greeting.set(key, socket);
    socket.once('close', () => greeting.delete(key));
  });
  app.server.on('secureConnection', (socket: TLSSocket) => greeting.delete(keyOf(socket)));
  return greeting;
}

/** Node looks at slow requests in this interval, in milliseconds. */
const CHECKING_MS = 5_000;

function httpBounds({ requestTimeoutMs }: AgentLimits) {
  return {
    maxHeaderSize: 16_384,
    handshakeTimeout: 10_000,
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: Math.min(CHECKING_MS, requestTimeoutMs),
  };
}

function parseJsonOnly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    boundJson(body as Buffer);
    void parse(request, body.toString(), done);
  });
}

function tlsOptions({ ca, cert, key, crl }: Identity) {
  return {
    ca,
    cert,
    key,
    crl,
    minVersion: 'TLSv1.3',
    requestCert: true,
    rejectUnauthorized: true,
    // A resumed session is not checked against the list of revoked certificates again.
    secureOptions: constants.SSL_OP_NO_TICKET,
  } as const;
}
