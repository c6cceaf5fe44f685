import Fastify, { type FastifyInstance, LogController } from 'fastify';
import type { Registry } from 'prom-client';
import type { WebhookConfig } from '../config/watch-config.js';
import type { Logger } from '../log.js';
import { answerErrors, answerFault, onClientError } from './answer-errors.js';
import { createRefusalLog } from './refusal-log.js';
import { addWebhooks, type PushHint } from './webhook-routes.js';

export interface Health {
  /** Whether the daemon does its work at all; false is an invitation to restart it. */
  live: boolean;
  /** Whether it has read desired state and can act on it. */
  ready: boolean;
  /** Why it is not: sentences without values. */
  reasons: readonly string[];
}

export interface ApiOptions {
  registry: Registry;
  health(): Health;
  /** Asked for each request, so that new secrets hold at once. */
  webhooks(): readonly WebhookConfig[];
  /** Somebody has pushed: the source is worth reading again. Many in a row are for the caller to take as one. */
  onPush(hint: PushHint): void;
  log: Logger;
}

/** Whole requests are small: whoever takes longer is stuck or means harm. In milliseconds. */
const REQUEST_TIMEOUT_MS = 30_000;
const HEADERS_TIMEOUT_MS = 10_000;
const CHECKING_MS = 5_000;
const KEEP_ALIVE_MS = 75_000;

const MOST_CONNECTIONS = 512;
/** Of requests for which no route says more. */
const BODY_LIMIT = 1024;

/** The daemon's HTTP side: metrics, probes and webhooks. Does not listen yet; `close()` cuts what is open. */
export function buildApi(options: ApiOptions): FastifyInstance {
  const app = Fastify({
    loggerInstance: options.log,
    logController: new LogController({ disableRequestLogging: true }),
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    http: {
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: CHECKING_MS,
      maxHeaderSize: 16_384,
    },
    bodyLimit: BODY_LIMIT,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 63 },
    frameworkErrors: (error, request, reply) => void answerFault(error, request, reply),
    clientErrorHandler: onClientError,
  }) as unknown as FastifyInstance;
  app.server.maxConnections = MOST_CONNECTIONS;
  answerErrors(app);
  addProbes(app, options);
  const refusals = createRefusalLog(options.log);
  app.addHook('onClose', async () => refusals.close());
  addWebhooks(app, { webhooks: options.webhooks, onPush: options.onPush, refused: refusals.refused });
  return app;
}

function addProbes(app: FastifyInstance, { registry, health }: ApiOptions): void {
  app.get('/metrics', async (_, reply) => reply.type(registry.contentType).send(await registry.metrics()));
  app.get('/healthz', async (_, reply) => {
    const { live } = health();
    return reply.code(live ? 200 : 503).send({ live });
  });
  app.get('/readyz', async (_, reply) => {
    const { ready, reasons } = health();
    return reply.code(ready ? 200 : 503).send({ ready, reasons });
  });
}
