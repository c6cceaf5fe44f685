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
import { linkSignals } from '../engine/link-signals.js';
import type { Admission } from './admission.js';
import type { ApplyRuns } from './apply-runs.js';
import { isOver, signalOf, whenOver } from './gone.js';
import { applyLines, eventLines } from './line-streams.js';
import type { ObservationTags } from './observation-tags.js';

export interface Served {
  driver: TenantDriver;
  /** Ends the streams that have no end of their own. */
  stopping: AbortSignal;
  info(): Promise<InfoAnswer>;
  runs: ApplyRuns;
  tags: ObservationTags;
  /** By what a request costs. */
  admission: { looks: Admission; previews: Admission; applies: Admission; streams: Admission };
}

/** The routes, each a thin passage to the driver. */
export function addRoutes(app: FastifyInstance, served: Served): void {
  const { driver, info, runs, admission, stopping } = served;
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
  app.post<{ Params: ApplyParams }>(ROUTES.supersede.path, async (request, reply) => {
    runs.find(request.params.applyId, request.params.slug).supersede();
    return reply.code(202).send({ status: 'asked to wait no longer' });
  });
  app.get(ROUTES.events.path, { onRequest: enter(streams) }, (_, reply) => {
    const { signal, unlink } = linkSignals([signalOf(reply), stopping]);
    whenOver(reply, unlink);
    const events = driver.events({ signal });
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
  const keep = new WeakMap<FastifyRequest, () => () => void>();
  const onRequest = async (request: FastifyRequest, reply: FastifyReply) => {
    keep.set(request, await enterFor(admission.applies, reply));
  };
  app.post<{ Body: ApplyBody }>(ROUTES.apply.path, { ...checks(ROUTES.apply), onRequest }, (request, reply) => {
    const { applyId, plan } = request.body;
    sameSlug(request, plan.slug);
    const work = decodeApply(request.body, request.id);
    const run = runs.start({ id: applyId, slug: plan.slug, log: request.log }, async (options) => {
      const leave = keep.get(request)?.();
      try {
        return await driver.apply(work, options);
      } finally {
        leave?.();
      }
    });
    return reply.type('application/x-ndjson').send(Readable.from(applyLines(run)));
  });
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
    const tag = tags.tagOf(tenant);
    return requests[i]?.known === tag ? 'null' : `{"tag":"${tag}","observed":${JSON.stringify(tenant)}}`;
  });
  return `{"tenants":[${answers.join(',')}]}`;
}

/** Limits, validation, and a slot from before the body is read until the answer is sent or the asker is gone. */
function accept(route: Route, admission: Admission) {
  return { ...checks(route), onRequest: enter(admission) };
}

function checks({ bodyLimit, body }: Route) {
  return { bodyLimit, schema: { body } };
}

function enter(admission: Admission) {
  return async (_: FastifyRequest, reply: FastifyReply) => {
    await enterFor(admission, reply);
  };
}

/** @returns what keeps the slot beyond the answer, giving what then gives it back */
async function enterFor(admission: Admission, reply: FastifyReply): Promise<() => () => void> {
  const leave = await admission.enter(signalOf(reply));
  let kept = false;
  whenOver(reply, () => {
    if (!kept) leave();
  });
  return () => {
    if (isOver(reply)) throw new FlotillaError('Cancelled', 'the asker went away before it was begun');
    kept = true;
    return leave;
  };
}

/** What a request names in its route and in its body must be one instance. */
function sameSlug(request: FastifyRequest, slug: string): void {
  const named = (request.params as { slug: string }).slug;
  if (named === slug) return;
  throw new FlotillaError('RequestInvalid', 'the route and the body name different instances');
}
