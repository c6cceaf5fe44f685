import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROUTES } from '../../../src/wire/messages.js';
import { type Served, serve, stubDriver } from './serve.js';

/** All that an agent can be asked, literally: there is no route for a command. */
const ALL = [
  'DELETE /v1/instance/:slug/apply/:applyId',
  'GET /healthz',
  'GET /v1/events',
  'GET /v1/info',
  'GET /v1/instance/:slug/apply/:applyId',
  'POST /v1/instance/:slug/apply',
  'POST /v1/instance/:slug/apply/:applyId/supersede',
  'POST /v1/instance/:slug/files/diff',
  'POST /v1/instance/:slug/generations',
  'POST /v1/instance/:slug/rollback',
  'POST /v1/observe',
];
let served: Served;
beforeAll(async () => {
  served = await serve({ driver: stubDriver() });
});
afterAll(() => served.stop());

describe('the routes of an agent', () => {
  it('are these and no others', () => {
    expect(
      Object.values(ROUTES)
        .map(({ method, path }) => `${method} ${path}`)
        .sort(),
    ).toEqual(ALL);
    const tree = served.agent.app.printRoutes({ commonPrefix: false });
    const methods = [...tree.matchAll(/\(([A-Z, ]+)\)/g)].flatMap(([, list = '']) => list.split(', '));
    expect(methods).toHaveLength(ALL.length);
    for (const route of ALL) {
      const [method, url] = route.split(' ') as ['GET', string];
      expect(served.agent.app.hasRoute({ method, url }), route).toBe(true);
    }
  });

  it('answer no other method, and nothing else answers', async () => {
    for (const { path } of Object.values(ROUTES)) {
      const at = path.replace(':slug', 'acme').replace(':applyId', '0');
      const own = Object.values(ROUTES).filter((route) => route.path === path);
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND']) {
        if (own.some((route) => route.method === method)) continue;
        const answer = await served.asker.ask({ method, path: at });
        expect(answer, `${method} ${at}`).toMatchObject({ status: 404, error: { code: 'RouteNotFound' } });
      }
      expect((await served.asker.ask({ method: 'HEAD', path: at })).status).toBe(404);
    }
    for (const path of [
      '/',
      '//',
      '*',
      '/v1',
      '/v1/',
      '/v1/exec',
      '/v1/instance/acme/exec',
      '/V1/info',
      '/healthz/',
      '/v1//info',
      '/v1/info/..',
      '/./healthz',
    ]) {
      expect(await served.asker.ask({ path }), path).toMatchObject({ status: 404, error: { code: 'RouteNotFound' } });
    }
  });

  it('are served on after an upgrade or a tunnel was asked for', async () => {
    const upgrade = { connection: 'upgrade', upgrade: 'websocket' };
    expect((await served.asker.ask({ path: '/healthz', headers: upgrade })).status).toBe(200);
    await expect(served.asker.ask({ method: 'CONNECT', path: 'example.org:80' })).rejects.toThrow();
    expect((await served.asker.ask({ path: '/healthz' })).status).toBe(200);
  });
});
