import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { AgentLimits } from '../../../src/agent/server/build-agent.js';
import type { CallOptions, Generation, TenantDriver } from '../../../src/agent-client/tenant-driver.js';
import { openRaw, readAll } from '../../support/raw-http.js';
import { applyBody, inspectBody, observeBody, refBody } from './bodies.js';
import { type Served, serve, stubDriver } from './serve.js';

/** Slots come back however a request ends: an agent with few of them serves after fifty of each. */
const TIMES = 50;
const ONE = { slots: 1, waiting: 2, patienceMs: 300 };
const FEW: Partial<AgentLimits> = {
  looks: ONE,
  previews: ONE,
  applies: ONE,
  streams: { slots: 1, waiting: 2, patienceMs: 300 },
  requestTimeoutMs: 5_000,
};
let served: Served;
afterEach(() => served.stop());

/** A driver whose observations, and applies, last until they are let go or given up. */
function slowDriver() {
  const waiting = new Set<() => void>();
  let begun = 0;
  const stay = ({ signal }: CallOptions = {}) =>
    new Promise<void>((resolve, reject) => {
      begun += 1;
      waiting.add(resolve);
      signal?.addEventListener('abort', () => {
        waiting.delete(resolve);
        reject(new Error('given up'));
      });
    });
  const driver: TenantDriver = stubDriver({
    observe: async (_, options) => {
      await stay(options);
      return [];
    },
    generations: async () => [],
    apply: async () => {
      await stay();
      return { generation: 1, phases: [], recreated: [], restarted: [] };
    },
  });
  return {
    driver,
    begun: () => begun,
    waiting: () => waiting.size,
    letGo: () => {
      for (const resolve of waiting) resolve();
      waiting.clear();
    },
  };
}

function bytesOf(path: string, body: unknown, length?: number): string {
  const text = JSON.stringify(body);
  const head = `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n`;
  return `${head}content-length: ${length ?? Buffer.byteLength(text)}\r\n\r\n${text}`;
}

const OBSERVE = bytesOf('/v1/observe', observeBody('acme'));
const GENERATIONS = '/v1/instance/acme/generations';

/** Opens a connection, sends, lets the agent read it, and goes away. */
async function sendAndGo(bytes: string, pauseMs = 5): Promise<void> {
  const socket = await openRaw(served.caller);
  socket.write(bytes);
  await sleep(pauseMs);
  socket.destroy();
}

async function expectAllServed(): Promise<void> {
  expect((await served.asker.post(GENERATIONS, refBody('acme'))).status).toBe(200);
  const bad = { ...inspectBody('acme'), containers: 1 };
  expect((await served.asker.post('/v1/instance/acme/files/diff', bad)).status).toBe(400);
  expect((await served.asker.post('/v1/instance/acme/apply', {})).status).toBe(400);
}

describe('a slot comes back', () => {
  it('from askers that went away while they waited for it', async () => {
    const slow = slowDriver();
    served = await serve({ driver: slow.driver, limits: { ...FEW, looks: { ...ONE, patienceMs: 60_000 } } });
    const first = served.asker.post('/v1/observe', observeBody('acme'));
    await expect.poll(slow.begun).toBe(1);
    for (let i = 0; i < TIMES; i++) await sendAndGo(OBSERVE);
    expect(slow.begun()).toBe(1);
    // The places in the queue are free again, too.
    const second = served.asker.post('/v1/observe', observeBody('acme'));
    await sleep(50);
    slow.letGo();
    expect((await first).status).toBe(200);
    await expect.poll(slow.begun).toBe(2);
    slow.letGo();
    expect((await second).status).toBe(200);
    await expectAllServed();
  });

  it('from askers that went away while they were served, and their work is given up', async () => {
    const slow = slowDriver();
    served = await serve({ driver: slow.driver, limits: FEW });
    for (let i = 0; i < TIMES; i++) await sendAndGo(OBSERVE);
    await expect.poll(slow.waiting).toBe(0);
    await expectAllServed();
  });

  it('from requests behind another on a connection that ends', async () => {
    const slow = slowDriver();
    served = await serve({ driver: slow.driver, limits: { ...FEW, looks: { slots: 2, waiting: 4, patienceMs: 300 } } });
    for (let i = 0; i < TIMES; i++) await sendAndGo(OBSERVE.repeat(4), 10);
    await expect.poll(slow.waiting).toBe(0);
    await expectAllServed();
  });

  it('from bodies that end in their middle', async () => {
    served = await serve({ driver: slowDriver().driver, limits: FEW });
    for (const path of ['/v1/observe', '/v1/instance/acme/files/diff', '/v1/instance/acme/apply'])
      for (let i = 0; i < TIMES; i++) await sendAndGo(bytesOf(path, { a: 1 }, 1000), 2);
    await expectAllServed();
  });

  it('from bodies that are refused', async () => {
    served = await serve({ driver: slowDriver().driver, limits: FEW });
    for (let i = 0; i < TIMES; i++) {
      for (const path of ['/v1/observe', '/v1/instance/acme/files/diff', '/v1/instance/acme/apply', GENERATIONS])
        expect((await served.asker.post(path, { a: 1 })).status).toBe(400);
      const other = applyBody('acme');
      expect((await served.asker.post('/v1/instance/other/apply', other)).status).toBe(400);
      expect((await served.asker.post('/v1/instance/acme/apply', { ...other, contents: {} })).status).toBe(400);
    }
    await expectAllServed();
  });

  it('from streams that nobody reads any more', async () => {
    served = await serve({ driver: stubDriver({ ...slowDriver().driver, events: silentEvents }), limits: FEW });
    for (let i = 0; i < TIMES; i++) await sendAndGo('GET /v1/events HTTP/1.1\r\nhost: a\r\n\r\n');
    for (let i = 0; i < TIMES; i++) {
      const path = `/v1/instance/acme/apply/${randomUUID()}`;
      expect((await served.asker.ask({ path })).status).toBe(404);
    }
    await expectAllServed();
  });

  it('from askers that do not read their answers', async () => {
    const kept: Generation = {
      number: 1,
      revision: 'r',
      imageTag: 'v1',
      digest: 'd',
      committedAt: '',
      cause: 'x'.repeat(1000),
      outcome: 'verified',
      live: false,
    };
    const driver = stubDriver({
      generations: async ({ slug }) => (slug === 'big' ? Array<Generation>(30_000).fill(kept) : []),
    });
    served = await serve({
      driver,
      limits: { ...FEW, silenceMs: 300, looks: { slots: 1, waiting: 5, patienceMs: 20_000 } },
    });
    const sockets = [];
    for (let i = 0; i < 3; i++) {
      const socket = await openRaw(served.caller);
      socket.pause();
      socket.write(bytesOf('/v1/instance/big/generations', refBody('big')));
      sockets.push(socket);
    }
    await sleep(50);
    const ask = () => served.asker.post(GENERATIONS, refBody('acme')).catch(() => null);
    await expect.poll(async () => (await ask())?.status, { timeout: 10_000 }).toBe(200);
    await expectAllServed();
    for (const socket of sockets) socket.destroy();
  });

  it('from an apply when it has ended, not when its asker went away', async () => {
    const slow = slowDriver();
    served = await serve({ driver: slow.driver, limits: FEW });
    await sendAndGo(bytesOf('/v1/instance/acme/apply', applyBody('acme')), 50);
    expect(slow.begun()).toBe(1);
    expect(await served.asker.post('/v1/instance/other/apply', applyBody('other'))).toMatchObject({
      status: 503,
      error: { code: 'HostBusy' },
    });
    slow.letGo();
    const next = served.asker.post('/v1/instance/other/apply', applyBody('other'));
    await expect.poll(slow.begun).toBe(2);
    slow.letGo();
    expect((await next).text).toContain('"type":"result"');
  });
});

describe('an agent that is asked too much', () => {
  it('says so at once when its queue is full, and after a while to those in it', async () => {
    const slow = slowDriver();
    served = await serve({ driver: slow.driver, limits: FEW });
    const answers = Array.from({ length: 6 }, () => served.asker.post('/v1/observe', observeBody('acme')));
    for (const answer of await settledButOne(answers))
      expect(answer).toMatchObject({ status: 503, error: { code: 'HostBusy' } });
    slow.letGo();
    expect((await Promise.all(answers)).map(({ status }) => status).sort()).toEqual([200, 503, 503, 503, 503, 503]);
  });

  it('takes no more connections than it should, and others once those are gone', async () => {
    served = await serve({ driver: slowDriver().driver, limits: { ...FEW, connections: 10 } });
    const tried = await Promise.all(
      Array.from({ length: 40 }, () =>
        openRaw(served.caller).then(
          (socket) => ({ socket, text: readAll(socket) }),
          () => null,
        ),
      ),
    );
    expect(tried.filter((one) => one !== null).length).toBeLessThanOrEqual(10);
    for (const one of tried) one?.socket.destroy();
    for (const one of tried) await one?.text;
    await expect.poll(async () => (await served.asker.ask({ path: '/healthz' }).catch(() => null))?.status).toBe(200);
  });
});

/** All but the one that is being served. */
async function settledButOne<T>(promises: Promise<T>[]): Promise<T[]> {
  const done: T[] = [];
  for (const promise of promises) void promise.then((value) => done.push(value));
  await expect.poll(() => done.length).toBe(promises.length - 1);
  return [...done];
}

async function* silentEvents({ signal }: { signal: AbortSignal }) {
  yield { type: 'resync' as const };
  await new Promise((resolve) => signal.addEventListener('abort', resolve));
}
