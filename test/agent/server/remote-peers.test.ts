import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createRemoteDriver } from '../../../src/agent-client/remote-driver.js';
import type { FlotillaError } from '../../../src/errors.js';
import { type Identity, loadIdentity } from '../../../src/pki/identity.js';
import { issueIdentity } from '../../../src/pki/issue.js';
import { revoke } from '../../../src/pki/revoke.js';
import { makePki, type Pki } from '../../support/pki.js';

/** What a controller says of somebody who stands where an agent should be. */
const DAY_MS = 86_400_000;
let directory: string;
let pki: Pki;
let foreign: Pki;
let controller: Identity;
const open = new Set<Server>();
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'flotilla-peers-'));
  const agents = [{ name: 'one' }, { name: 'two' }, { name: 'gone' }, { name: 'far', sans: ['DNS:far.example.org'] }];
  pki = await makePki(join(directory, 'ours'), { agents, controllers: ['controller', 'laptop'] });
  foreign = await makePki(join(directory, 'foreign'), { agents: [{ name: 'one' }] });
  await revoke(pki.authority, 'gone', new Date());
  controller = loadIdentity(pki.controllers.controller!);
});
afterEach(() => {
  for (const server of open) server.close();
  open.clear();
});
afterAll(() => rmSync(directory, { recursive: true, maxRetries: 10, retryDelay: 50 }));

function listen(server: Server): Promise<number> {
  open.add(server);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.on('close', () => undefined);
  const { close } = server;
  server.close = () => {
    for (const socket of sockets) socket.destroy();
    return close.call(server);
  };
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

/** The port of an agent that says whatever it is asked that it has no instances. */
function pretend({ ca, cert, key }: Identity, options: object = {}): Promise<number> {
  return listen(
    createHttpsServer({ ca, cert, key, requestCert: true, ...options }, (_, answer) => {
      answer.setHeader('content-type', 'application/json').end('{"tenants":[]}');
    }),
  );
}

async function observe(port: number, own = controller): Promise<unknown> {
  const driver = createRemoteDriver({ name: 'one', url: `https://127.0.0.1:${port}` }, () => own);
  try {
    return await driver.observe([], {});
  } finally {
    await driver.close();
  }
}

async function refusal(port: number): Promise<string> {
  const error = (await observe(port).catch((reason: unknown) => reason)) as FlotillaError;
  return `${error.code}: ${error.message.replace(/127\.0\.0\.1:\d+/, 'ADDRESS')}`;
}

async function agentOf(name: string, days: number): Promise<Identity> {
  const now = new Date(Date.now() + days * DAY_MS);
  const altNames = [{ type: 'ip', value: '127.0.0.1' }] as const;
  return loadIdentity((await issueIdentity(pki.authority, { role: 'agent', name, altNames, days: 90, now })).dir);
}

const SHOWN = 'PeerRefused: host one: the certificate that https://ADDRESS shows';

describe('a controller', () => {
  it('talks to the agent of the host', async () => {
    expect(await observe(await pretend(loadIdentity(pki.agents.one!)))).toEqual([]);
  });

  it("refuses a controller's certificate", async () => {
    expect(await refusal(await pretend(loadIdentity(pki.controllers.laptop!)))).toMatch(/^PeerRefused: host one: /);
  });

  it('refuses the agent of another host', async () => {
    expect(await refusal(await pretend(loadIdentity(pki.agents.two!)))).toBe(
      'PeerRefused: the certificate is one of agent two, and agent one is expected',
    );
  });

  it('refuses a certificate that does not name the address', async () => {
    expect(await refusal(await pretend(loadIdentity(pki.agents.far!)))).toBe(
      `${SHOWN} does not name the address in spec.agent: issue it again with that --san`,
    );
  });

  it('refuses a certificate of another authority', async () => {
    expect(await refusal(await pretend(loadIdentity(foreign.agents.one!)))).toBe(`${SHOWN} is of another authority`);
  });

  it('refuses a certificate that has expired', async () => {
    expect(await refusal(await pretend(await agentOf('late', -91)))).toBe(
      `${SHOWN} has expired: flotilla pki renew makes a new one`,
    );
  });

  it('refuses a certificate that is not valid yet', async () => {
    expect(await refusal(await pretend(await agentOf('early', 1)))).toBe(
      `${SHOWN} is not valid yet: compare the clocks of both machines`,
    );
  });

  it('refuses a certificate that is revoked', async () => {
    expect(await refusal(await pretend(loadIdentity(pki.agents.gone!)))).toBe(`${SHOWN} is revoked`);
  });

  it('refuses TLS 1.2', async () => {
    expect(await refusal(await pretend(loadIdentity(pki.agents.one!), { maxVersion: 'TLSv1.2' }))).toBe(
      'PeerRefused: host one: what listens at https://ADDRESS does not speak TLS 1.3',
    );
  });

  it('says what does not speak TLS', async () => {
    expect(await refusal(await listen(createHttpServer((_, answer) => answer.end())))).toBe(
      'PeerRefused: host one: what listens at https://ADDRESS does not speak TLS',
    );
  });

  it('says that its own certificate has expired, instead of showing it', async () => {
    const now = new Date(Date.now() - 91 * DAY_MS);
    const request = { role: 'controller', name: 'late-controller', altNames: [], days: 90, now } as const;
    const own = loadIdentity((await issueIdentity(pki.authority, request)).dir);
    await expect(observe(await pretend(loadIdentity(pki.agents.one!)), own)).rejects.toMatchObject({
      code: 'PkiInvalid',
      message: expect.stringMatching(/^the certificate of this controller expired at /),
      hint: 'flotilla pki renew late-controller',
    });
  });

  it('says that nothing listens, and that a connection breaks', async () => {
    const port = await listen(createTcpServer((socket) => socket.destroy()));
    expect(await refusal(port)).toBe(
      'HostUnreachable: host one cannot be reached at https://ADDRESS: the connection broke',
    );
    for (const server of open) server.close();
    expect(await refusal(port)).toBe(
      'HostUnreachable: host one cannot be reached at https://ADDRESS: nothing listens there',
    );
  });
});
