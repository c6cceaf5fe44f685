import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Identity, loadIdentity } from '../../../src/pki/identity.js';
import { issueIdentity } from '../../../src/pki/issue.js';
import { revoke } from '../../../src/pki/revoke.js';
import { makePki, type Pki } from '../../support/pki.js';
import { createAsker, openRaw, readAll } from '../../support/raw-http.js';
import { type Served, serve, stubDriver } from './serve.js';

/** Who may talk to an agent. */
const DAY_MS = 86_400_000;
let served: Served;
let pki: Pki;
let foreign: Pki;
let expired: Identity;
let early: Identity;
beforeAll(async () => {
  const plan = { agents: [{ name: 'one' }, { name: 'two' }], controllers: ['controller', 'laptop', 'stolen'] };
  served = await serve({ driver: stubDriver({ events: endlessEvents }), plan });
  pki = served.pki;
  foreign = await makePki(join(served.directory, 'foreign'), plan);
  // Of the same authority, at another time.
  expired = await otherTimes('late', -91);
  early = await otherTimes('early', 1);
});
afterAll(() => served.stop());

async function otherTimes(name: string, days: number): Promise<Identity> {
  const now = new Date(Date.now() + days * DAY_MS);
  const request = { role: 'controller', name, altNames: [], days: 90, now } as const;
  return loadIdentity((await issueIdentity(pki.authority, request)).dir);
}

/** What becomes of a request: its status, or `refused` when no answer came. */
async function healthOf(identity: Pick<Identity, 'cert' | 'key'> | null): Promise<number | 'refused'> {
  const asker = createAsker({ ...served.caller, identity });
  try {
    return (await asker.ask({ path: '/healthz' })).status;
  } catch {
    return 'refused';
  } finally {
    asker.close();
  }
}

async function expectServing(): Promise<void> {
  expect(await served.asker.ask({ path: '/healthz' })).toMatchObject({ status: 200, text: '{"status":"ok"}' });
}

describe('a connection is refused in the handshake', () => {
  const cases: [who: string, identity: () => Identity | null, logged: RegExp][] = [
    ['that shows no certificate', () => null, /DID_NOT_RETURN_A_CERTIFICATE/],
    ['with the certificate of another authority', () => loadIdentity(foreign.controllers.controller!), /UNABLE_TO_/],
    ['with a certificate that has expired', () => expired, /CERT_HAS_EXPIRED/],
    ['with a certificate that is not valid yet', () => early, /CERT_NOT_YET_VALID/],
    ["with another agent's certificate", () => loadIdentity(pki.agents.two!), /INVALID_PURPOSE/],
    ["with the agent's own certificate", () => loadIdentity(pki.agents.one!), /INVALID_PURPOSE/],
  ];
  for (const [who, identity, logged] of cases) {
    it(who, async () => {
      const before = served.logged().length;
      expect(await healthOf(identity())).toBe('refused');
      await expect.poll(() => served.logged().slice(before)).toMatch(logged);
      expect(served.logged().slice(before)).toContain('refused a connection');
      await expectServing();
    });
  }

  it('that speaks TLS 1.2', async () => {
    await expect(openRaw(served.caller, { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' })).rejects.toMatchObject({
      code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
    });
    await expectServing();
  });

  it('that speaks no TLS at all', async () => {
    const { port } = new URL(served.url);
    const text = await new Promise<string>((resolve) => {
      let got = '';
      const socket = connectTcp({ host: '127.0.0.1', port: Number(port) });
      socket.on('data', (chunk) => {
        got += chunk.toString('latin1');
      });
      socket.on('error', () => undefined);
      socket.on('close', () => resolve(got));
      socket.write('GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n');
    });
    expect(text).not.toContain('HTTP/');
    await expectServing();
  });
});

describe('revocation', () => {
  it('ends streams, and holds on connections that are open and sessions that are resumed from the next request on', async () => {
    const thief = loadIdentity(pki.controllers.stolen!);
    const asker = createAsker({ ...served.caller, identity: thief }, 1);
    expect((await asker.ask({ path: '/healthz' })).status).toBe(200);
    const stream = await openRaw({ ...served.caller, identity: thief });
    const streamed = readAll(stream);
    stream.write('GET /v1/events HTTP/1.1\r\nhost: a\r\n\r\n');
    await new Promise((resolve) => stream.once('data', resolve));
    const socket = await openRaw({ ...served.caller, identity: thief });
    const session = await new Promise<Buffer | undefined>((resolve) => {
      socket.once('session', resolve);
      socket.write('GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
      void readAll(socket).then(() => resolve(undefined));
    });

    await revoke(pki.authority, 'stolen', new Date());
    expect(served.agent.useIdentity(loadIdentity(pki.agents.one!))).toBe(true);

    expect(await streamed).toContain('200 OK');
    const answer = await asker.ask({ path: '/healthz' });
    expect(answer).toMatchObject({ status: 403, error: { code: 'PeerRefused' } });
    expect(answer.error?.message).toMatch(/^the certificate of controller stolen is revoked/);
    asker.close();
    expect(await healthOf(thief)).toBe('refused');
    if (session) expect(await resume(thief, session)).not.toContain('200 OK');
    expect(served.logged()).toContain('CERT_REVOKED');
    await expectServing();
    expect(await healthOf(loadIdentity(pki.controllers.laptop!))).toBe(200);
  });

  it('of a whole authority holds on connections that are open, once the agent has a folder of another', async () => {
    const asker = createAsker({ ...served.caller, identity: loadIdentity(pki.controllers.laptop!) }, 1);
    expect((await asker.ask({ path: '/healthz' })).status).toBe(200);
    try {
      expect(served.agent.useIdentity(loadIdentity(foreign.agents.one!))).toBe(true);
      const answer = await asker.ask({ path: '/healthz' });
      expect(answer).toMatchObject({ status: 403, error: { code: 'PeerRefused' } });
      expect(answer.error?.message).toMatch(/^the certificate is of another authority/);
    } finally {
      asker.close();
      served.agent.useIdentity(loadIdentity(pki.agents.one!));
    }
    await expectServing();
  });
});

function resume({ ca, cert, key }: Identity, session: Buffer): Promise<string> {
  const { port } = new URL(served.url);
  const socket = connectTls({ host: '127.0.0.1', port: Number(port), ca, cert, key, session });
  socket.on('error', () => undefined);
  socket.write('GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
  return readAll(socket);
}

async function* endlessEvents({ signal }: { signal: AbortSignal }) {
  yield { type: 'resync' as const };
  await new Promise((resolve) => signal.addEventListener('abort', resolve));
}
