import { getEventListeners } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createEngineApi, type EngineApi } from '../../src/agent/engine/engine-api.js';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** An engine that answers as the test says. */
async function fakeEngine(answer: RequestListener): Promise<EngineApi> {
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-'));
  const server = createServer(answer);
  const socket = join(directory, 'docker.sock');
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  const api = createEngineApi({ dockerHost: `unix://${socket}` });
  cleanups.push(
    () => rm(directory, { recursive: true }),
    async () => server.close().closeAllConnections(),
    () => api.close(),
  );
  return api;
}

describe('the engine cannot be used', () => {
  it('because nothing listens on its socket', async () => {
    const api = createEngineApi({ dockerHost: 'unix:///nonexistent/docker.sock' });
    cleanups.push(() => api.close());
    await expect(api.listProjectContainers()).rejects.toMatchObject({
      code: 'EngineUnreachable',
      message: 'the Docker Engine at unix:///nonexistent/docker.sock does not answer: there is no such socket',
      hint: expect.stringContaining('systemctl status docker'),
    });
  });

  it('because it is not on this host', () => {
    expect(() => createEngineApi({ dockerHost: 'tcp://10.0.0.1:2375' })).toThrow(/unix socket only/);
  });

  it('because it refuses, and what it says stays here', async () => {
    const api = await fakeEngine((_, response) => response.writeHead(500).end('{"message":"s3cret"}'));
    const error = await api.listProjectContainers().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'EngineUnreachable',
      message: 'the Docker Engine refused a request (HTTP 500)',
    });
    expect(String((error as Error).stack)).not.toContain('s3cret');
  });

  it.each(['<html>', '{"message":"page not found"}', ''])('because it answers %j', async (body) => {
    const api = await fakeEngine((_, response) => response.end(body));
    await expect(api.listProjectContainers()).rejects.toMatchObject({ code: 'EngineUnreachable' });
  });

  it('in time', async () => {
    const api = await fakeEngine(() => undefined);
    await expect(api.stopAndRemove(['c1'], { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'TimedOut',
      message: 'the Docker Engine did not answer within 0.05 s',
    });
  });

  it('any longer, because the caller gives up', async () => {
    const api = await fakeEngine(() => undefined);
    const signal = AbortSignal.timeout(20);
    await expect(api.listProjectContainers({ signal })).rejects.toMatchObject({ code: 'Cancelled' });
  });
});

it('asks once more when the engine has closed the connection that was kept', async () => {
  let requests = 0;
  const api = await fakeEngine((request, response) => {
    requests += 1;
    if (requests === 2) request.socket.destroy();
    else response.end('[]');
  });
  await api.listProjectContainers();
  expect(await api.listProjectContainers()).toEqual([]);
  expect(requests).toBe(3);
});

it('does not repeat what changes something', async () => {
  let requests = 0;
  const api = await fakeEngine((request) => {
    requests += 1;
    request.socket.destroy();
  });
  await expect(api.stopAndRemove(['c1'], { timeoutMs: 1_000 })).rejects.toMatchObject({ code: 'EngineUnreachable' });
  expect(requests).toBe(1);
});

it('is content when a container to remove is gone already', async () => {
  const asked: string[] = [];
  const api = await fakeEngine((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.writeHead(404).end('{"message":"No such container"}');
  });
  await api.stopAndRemove(['c1'], { timeoutMs: 1_000 });
  expect(asked).toEqual(['POST /containers/c1/stop', 'DELETE /containers/c1?force=1']);
  expect(await api.inspectContainer('c1')).toBeNull();
});

it('leaves nothing in a signal that outlives its calls and its streams of events', async () => {
  const api = await fakeEngine((request, response) => {
    if (request.url?.startsWith('/events')) response.writeHead(200).end('\n');
    else response.writeHead(request.url === '/version' ? 500 : 200).end('[]');
  });
  const { signal } = new AbortController();
  for (let i = 0; i < 20; i++) {
    await api.listProjectContainers({ signal });
    await api.version({ signal }).catch(() => undefined);
    for await (const event of await api.events({ signal })) expect(event).toBeUndefined();
  }
  await expect.poll(() => getEventListeners(signal, 'abort').length, { timeout: 60_000 }).toBe(0);
});
