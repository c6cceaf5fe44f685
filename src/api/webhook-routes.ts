import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { WebhookConfig, WebhookProvider } from '../config/watch-config.js';
import { readPushRef } from './push-ref.js';
import { PROVIDERS, type Provider } from './webhook-providers.js';

/** What a push says, as far as it is of use. */
export interface PushHint {
  provider: WebhookProvider;
  /** Such as `refs/heads/main`; null where it cannot be told. */
  ref: string | null;
}

export interface WebhookOptions {
  webhooks(): readonly WebhookConfig[];
  onPush(hint: PushHint): void;
  /** One had no good signature. */
  refused(provider: WebhookProvider): void;
}

/** GitHub sends at most 25 MB, of which only pushes of very many commits have more than this. */
const BODY_LIMIT = 5 * 1024 * 1024;
/** Bodies that are read at once: with their limit that bounds the memory that strangers can take. */
const MOST_BODIES = 64;

/** `POST /webhooks/:provider`: 202 for a push, 200 for any other event, both only with a good signature. */
export function addWebhooks(app: FastifyInstance, options: WebhookOptions): void {
  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    // The signature is over the bytes as they came.
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: BODY_LIMIT }, (_, body, done) => done(null, body));
    let reading = 0;
    const onRequest = async (request: FastifyRequest, reply: FastifyReply) => {
      const caller = callerOf(request, options);
      if (caller === null) return refuse(reply, 404, 'RouteNotFound', 'no such webhook is configured');
      if (caller.signature === null) return refuseSignature(reply, caller.name, options);
      if (reading >= MOST_BODIES) return refuse(reply, 429, 'TooManyRequests', 'too many webhooks at once: try again');
      reading += 1;
      reply.raw.once('close', () => {
        reading -= 1;
      });
    };
    scope.post('/webhooks/:provider', { onRequest, bodyLimit: BODY_LIMIT }, async (request, reply) => {
      const caller = callerOf(request, options);
      if (caller === null) return refuse(reply, 404, 'RouteNotFound', 'no such webhook is configured');
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      if (!isSigned(caller, body)) return refuseSignature(reply, caller.name, options);
      if (!caller.provider.pushes.has(caller.provider.eventOf(request.headers)))
        return reply.send({ status: 'ignored' });
      options.onPush({ provider: caller.name, ref: readPushRef(body, request.headers['content-type'] ?? '') });
      return reply.code(202).send({ status: 'accepted' });
    });
  });
}

interface Caller {
  name: WebhookProvider;
  provider: Provider;
  secrets: readonly string[];
  signature: string | null;
}

/** null for a provider that is unknown or not configured. */
function callerOf(request: FastifyRequest, { webhooks }: WebhookOptions): Caller | null {
  const { provider: name } = request.params as { provider: string };
  if (!isProvider(name)) return null;
  const secrets = webhooks().flatMap((each) => (each.provider === name ? [each.secret] : []));
  if (secrets.length === 0) return null;
  return { name, provider: PROVIDERS[name], secrets, signature: PROVIDERS[name].signatureOf(request.headers) };
}

function isProvider(name: string): name is WebhookProvider {
  return Object.hasOwn(PROVIDERS, name);
}

/** Every secret is tried, so that the time taken does not tell which one was good. */
function isSigned({ provider, secrets, signature }: Caller, body: Buffer): boolean {
  if (signature === null) return false;
  return secrets.filter((secret) => provider.isSignedWith(secret, signature, body)).length > 0;
}

function refuseSignature(reply: FastifyReply, name: WebhookProvider, { refused }: WebhookOptions): FastifyReply {
  refused(name);
  return refuse(reply, 401, 'SignatureInvalid', 'the webhook is not signed as it should be');
}

/** The connection is closed, as there may be a body on it that nobody is going to read. */
function refuse(reply: FastifyReply, status: number, code: string, message: string): FastifyReply {
  return reply.code(status).header('connection', 'close').send({ code, message });
}
