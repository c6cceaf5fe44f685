import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ObserveRequest, TenantDriver } from '../../agent-client/tenant-driver.js';
import { FlotillaError } from '../../errors.js';
import { decodeApply, decodeInspect } from '../../wire/codec.js';
import {
  type ApplyBody,
  type InfoAnswer,
  type InspectBody,
  type ObserveBody,
  type RefBody,
  ROUTES,
  type RollbackBody,
  type Route,
} from '../../wire/messages.js';
import type { Admission } from './admission.js';
import type { ApplyRuns } from './apply-runs.js';
import { applyLines, eventLines } from './line-streams.js';
import type { ObservationTags } from './observation-tags.js';

export interface Served {
  driver: TenantDriver;
  info(): Promise<InfoAnswer>;
  runs: ApplyRuns;
  tags: ObservationTags;
  /** By what a request costs. */
  admission: { looks: Admission; previews: Admission; applies: Admission; streams: Admission };
}

/** The routes, each a thin passage to the driver. */
export function addRoutes(app: FastifyInstance, served: Served): void {
  const { driver, info, runs, admission } = served;
  const { looks, previews, streams } = admission;
  app.get(ROUTES.health.path, async () => ({ status: 'ok' }));
  app.get(ROUTES.info.path, { onRequest: enter(looks) }, () => info());
  app.post<{ Body: ObserveBody }>(ROUTES.observe.path, accept(ROUTES.observe, looks), async (request, reply) => {
    reply.type('application/json; charset=utf-8');
    return observe(served, request.body, signalOf(reply));
  });
  app.post<{ Body: InspectBody }>(ROUTES.inspect.path, accept(ROUTES.inspect, previews), (request, reply) => {
    sameSlug(request, request.body.tenant.slug);
    return driver.inspect(decodeInspect(request.body), { signal: signalOf(reply) });
  });
  app.post<{ Body: RefBody }>(ROUTES.generations.path, accept(ROUTES.generations, looks), (request, reply) => {
    sameSlug(request, request.body.slug);
    return driver.generations(request.body, { signal: signalOf(reply) });
  });
  app.post<{ Body: RollbackBody }>(ROUTES.rollback.path, accept(ROUTES.rollback, previews), (request, reply) => {
    const { slug, project, directory, to, timeouts } = request.body;
    sameSlug(request, slug);
    const wanted = { slug, project, directory, timeouts, ...(to !== undefined && { to }) };
    return driver.planRollback(wanted, { signal: signalOf(reply) });
  });
  addApply(app, served);
  app.get<{ Params: ApplyParams }>(ROUTES.follow.path, { onRequest: enter(streams) }, (request, reply) => {
    const run = runs.find(request.params.applyId, request.params.slug);
    return reply.type('application/x-ndjson').send(Readable.from(applyLines(run)));
  });
  app.delete<{ Params: ApplyParams }>(ROUTES.cancel.path, async (request, reply) => {
    runs.find(request.params.applyId, request.params.slug).cancel();
    return reply.code(202).send({ status: 'asked to stop' });
  });
  app.get(ROUTES.events.path, { onRequest: enter(streams) }, (_, reply) => {
    const events = driver.events({ signal: signalOf(reply) });
    return reply
      .type('text/event-stream')
      .header('cache-control', 'no-store')
      .send(Readable.from(eventLines(events)));
  });
}

interface ApplyParams {
  slug: string;
  applyId: string;
}

/** The slot is held until the apply has ended, which may be long after its connection has. */
function addApply(app: FastifyInstance, { driver, runs, admission }: Served): void {
  const slots = new WeakMap<FastifyRequest, () => void>();
  app.post<{ Body: ApplyBody }>(
    ROUTES.apply.path,
    {
      bodyLimit: ROUTES.apply.bodyLimit,
      schema: { body: ROUTES.apply.body },
      onRequest: async (request) => {
        slots.set(request, await admission.applies.enter());
      },
      onError: async (request) => slots.get(request)?.(),
      onRequestAbort: async (request) => {
        if (request.body === undefined) slots.get(request)?.();
      },
    },
    (request, reply) => {
      const { applyId, plan } = request.body;
      sameSlug(request, plan.slug);
      const work = decodeApply(request.body, request.id);
      const leave = slots.get(request) ?? (() => {});
      const run = runs.start(applyId, plan.slug, (options) => driver.apply(work, options), leave);
      return reply.type('application/x-ndjson').send(Readable.from(applyLines(run)));
    },
  );
}

async function observe({ driver, tags }: Served, { requests, containers }: ObserveBody, signal: AbortSignal) {
  const asked: ObserveRequest[] = requests.map(({ slug, project, directory, paths }) => ({
    slug,
    project,
    directory,
    paths,
  }));
  const observed = await driver.observe(asked, { containers, signal });
  const answers = observed.map((tenant, i) => {
    const text = JSON.stringify(tenant);
    const tag = tags.tagOf(`${containers} ${tenant.slug}`, text);
    return requests[i]?.known === tag ? 'null' : `{"tag":"${tag}","observed":${text}}`;
  });
  return `{"tenants":[${answers.join(',')}]}`;
}

/** Limits, validation, and a slot from before the body is read until the answer is sent or the asker is gone. */
function accept(route: Route, admission: Admission) {
  return { bodyLimit: route.bodyLimit, schema: { body: route.body }, onRequest: enter(admission) };
}

function enter(admission: Admission) {
  return async (_request: FastifyRequest, reply: FastifyReply) => {
    const leave = await admission.enter();
    if (reply.raw.destroyed) leave();
    else reply.raw.once('close', leave);
  };
}

/** What a request names in its route and in its body must be one instance. */
function sameSlug(request: FastifyRequest, slug: string): void {
  const named = (request.params as { slug: string }).slug;
  if (named === slug) return;
  throw new FlotillaError('RequestInvalid', 'the route and the body name different instances');
}

/** Aborted once the asker has gone away before it was answered. */
function signalOf(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort();
  });
  return controller.signal;
}
