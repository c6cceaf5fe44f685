import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createRemoteDriver, type RemotePatience } from '../../src/agent-client/remote-driver.js';
import type { FlotillaError } from '../../src/errors.js';
import { loadIdentity } from '../../src/pki/identity.js';
import { makePki, type Pki } from '../support/pki.js';

/** @param observeMs long, except where it is waited for in vain: a slow machine is no host that says nothing */
const patience = (observeMs: number): RemotePatience => ({
  connectMs: 60_000,
  observeMs,
  inspectMs: observeMs,
  silenceMs: observeMs,
  apply: { answerMs: observeMs, silenceMs: observeMs, contactMs: observeMs, pausesMs: [20] },
});

let directory: string;
let pki: Pki;
const servers: Server[] = [];
const sockets = new Set<Socket>();

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'flotilla-alone-'));
  pki = await makePki(directory, { agents: [{ name: 'one' }] });
});
afterEach(() => {
  vi.useRealTimers();
  for (const socket of sockets) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});
afterAll(() => rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }));

/** An agent that shows its certificate, and then answers what no agent answers. */
function garbled(): Server {
  const { ca, cert, key } = loadIdentity(pki.agents.one as string);
  return createHttpsServer({ ca, cert, key, requestCert: true }, (_, response) => response.end('{"tenants":1}'));
}

/** How a host fails, and the code that an operator sees. */
const FAILURES: [how: string, code: string, server: () => Server][] = [
  ['breaks each connection', 'HostUnreachable', () => createServer((socket) => socket.destroy())],
  ['does not speak TLS', 'PeerRefused', () => createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))],
  ['says nothing', 'TimedOut', () => createServer()],
  ['answers what nobody understands', 'AnswerInvalid', garbled],
];

/** A driver of that host, and how many connections were begun to it. */
async function connectTo(server: Server, observeMs = 60_000) {
  let connections = 0;
  servers.push(server);
  server.on('connection', (socket: Socket) => {
    connections += 1;
    sockets.add(socket.on('error', () => undefined));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const controller = loadIdentity(pki.controllers.controller as string);
  const driver = createRemoteDriver({ name: 'one', url }, () => controller, patience(observeMs));
  return {
    driver,
    connections: () => connections,
    failure: () => driver.observe([]).catch((error: FlotillaError) => error) as Promise<FlotillaError>,
  };
}

describe.each(FAILURES)('a host that %s', (_, code, serverOf) => {
  it('says the same of itself while it is left alone, and once it is asked again', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
    const { driver, connections, failure } = await connectTo(serverOf(), code === 'TimedOut' ? 200 : 60_000);
    const failures = [await failure(), await failure(), await failure()];
    const asked = connections();

    const alone = [await failure(), await failure()];
    expect(connections()).toBe(asked);
    for (const { hint } of alone)
      expect(hint).toMatch(/it failed 3 times in a row: it is left alone for 10 s, and then asked again$/);

    vi.setSystemTime(Date.now() + 11_000);
    const again = await failure();
    expect(again.hint).not.toContain('left alone');
    const all = [...failures, ...alone, again];
    expect(all.map((each) => each.code)).toEqual(all.map(() => code));
    expect(new Set(all.map(({ message }) => message)).size).toBe(1);
    await driver.close();
  });
});

it('says what is the matter with it by now, not what was at first', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
  const server = createServer((socket) => socket.destroy());
  const { driver, failure } = await connectTo(server);
  for (let i = 0; i < 3; i += 1) await failure();
  expect((await failure()).message).toMatch(/: the connection broke$/);
  await new Promise((resolve) => server.close(resolve));
  vi.setSystemTime(Date.now() + 11_000);
  expect((await failure()).message).toMatch(/: nothing listens there$/);
  const alone = await failure();
  expect(alone.message).toMatch(/: nothing listens there$/);
  expect(alone.hint).toContain('left alone');
  await driver.close();
});
