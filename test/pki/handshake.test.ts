import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type PeerCertificate, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Identity, loadIdentity } from '../../src/pki/identity.js';
import { renewIdentity } from '../../src/pki/issue.js';
import { identifyPeer } from '../../src/pki/peer.js';
import { revoke } from '../../src/pki/revoke.js';
import { makePki, type Pki } from '../support/pki.js';

/** Real handshakes on loopback: what TLS itself lets through with what `flotilla pki` makes. */
const DAY_MS = 86_400_000;
let directory: string;
let ours: Pki;
let foreign: Pki;
let expired: Pki;
let early: Pki;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'flotilla-tls-'));
  const plan = { agents: [{ name: 'edmonton-1' }, { name: 'lyon-1' }], controllers: ['controller', 'laptop'] };
  const shifted = (days: number) => ({ ...plan, now: new Date(Date.now() + days * DAY_MS) });
  ours = await makePki(join(directory, 'ours'), plan);
  foreign = await makePki(join(directory, 'foreign'), plan);
  expired = await makePki(join(directory, 'expired'), shifted(-91));
  early = await makePki(join(directory, 'early'), shifted(1));
});
afterAll(() => rmSync(directory, { recursive: true }));

const agent = (pki = ours, name = 'edmonton-1') => loadIdentity(pki.agents[name]!);
const controller = (pki = ours, name = 'controller') => loadIdentity(pki.controllers[name]!);

interface Outcome {
  /** Whom the agent's side saw, or why it refused: an OpenSSL code. */
  server: string;
  client: string;
}

const TLS = { minVersion: 'TLSv1.3', rejectUnauthorized: true } as const;
const NOBODY = { ca: '', cert: '', key: '', crl: '' };

/** One connection: both sides say who the other is, by TLS first and then by `identifyPeer`. */
async function handshake(serving: Identity, calling: Identity | null, trusts = calling ?? serving): Promise<Outcome> {
  const see = (peer: PeerCertificate, own: Identity, role: 'agent' | 'controller') => {
    const found = identifyPeer(peer, { role, revoked: own.revoked, now: new Date() });
    return `${found.role} ${found.name}`;
  };
  return new Promise((resolve, reject) => {
    const outcome: Partial<Outcome> = {};
    const told = (side: keyof Outcome, text: string) => {
      outcome[side] ??= text;
      if (outcome.server === undefined || outcome.client === undefined) return;
      socket.destroy();
      server.close(() => resolve(outcome as Outcome));
    };
    const { ca, cert, key, crl } = serving;
    const server = createServer({ ...TLS, ca, cert, key, crl, requestCert: true }, (peer) => {
      told('server', see(peer.getPeerCertificate(), serving, 'controller'));
      peer.on('error', () => undefined).end('welcome');
    });
    server.on('tlsClientError', (error: NodeJS.ErrnoException, { authorizationError }) =>
      told('server', String(authorizationError ?? error.code)),
    );
    server.on('error', reject);
    let socket: TLSSocket;
    server.listen(0, '127.0.0.1', () => {
      const { cert, key } = calling ?? NOBODY;
      const own = calling === null ? {} : { cert, key };
      socket = connect({
        ...TLS,
        ...own,
        ca: trusts.ca,
        crl: trusts.crl,
        port: (server.address() as AddressInfo).port,
      });
      // A client has TLS 1.3's handshake behind it before the server has looked at its certificate.
      socket.on('data', () => told('client', see(socket.getPeerCertificate(), trusts, 'agent')));
      socket.on('error', (error: NodeJS.ErrnoException) => told('client', error.code ?? error.message));
      socket.on('close', () => told('client', 'closed'));
    });
  });
}

describe('a handshake between what the same authority issued', () => {
  it('is accepted at both ends', async () => {
    expect(await handshake(agent(), controller())).toEqual({
      server: 'controller controller',
      client: 'agent edmonton-1',
    });
  });

  it('is refused when one agent calls another', async () => {
    expect((await handshake(agent(), agent(ours, 'lyon-1'))).server).toBe('INVALID_PURPOSE');
  });

  it('is refused when a controller serves', async () => {
    expect((await handshake(controller(), controller(ours, 'laptop'))).client).toBe('INVALID_PURPOSE');
  });

  it('is refused without a certificate', async () => {
    expect((await handshake(agent(), null)).server).toBe('ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE');
  });

  it('goes on after a renewal, with the new and with the old certificate', async () => {
    const before = controller(ours, 'laptop');
    await renewIdentity(ours.authority, { name: 'laptop', now: new Date() });
    const after = controller(ours, 'laptop');
    expect(after.cert).not.toBe(before.cert);
    expect(after.key).not.toBe(before.key);
    for (const one of [before, after]) expect((await handshake(agent(), one)).server).toBe('controller laptop');
  });
});

describe('a handshake with what another authority issued', () => {
  it('is refused by the agent', async () => {
    const stranger = controller(foreign);
    // It trusts our agents, so that only the agent can refuse.
    expect((await handshake(agent(), stranger, agent())).server).toMatch(/^(UNABLE_TO_|SELF_SIGNED)/);
  });

  it('is refused by the controller', async () => {
    expect((await handshake(agent(foreign), controller())).client).toMatch(/UNABLE_TO_GET|SELF_SIGNED/);
  });
});

describe('a handshake out of time', () => {
  it('is refused at both ends once a certificate has expired', async () => {
    expect((await handshake(agent(expired), controller(expired))).client).toBe('CERT_HAS_EXPIRED');
    await renewIdentity(expired.authority, { name: 'edmonton-1', now: new Date() });
    expect((await handshake(agent(expired), controller(expired))).server).toBe('CERT_HAS_EXPIRED');
  });

  it('is refused before a certificate is valid', async () => {
    expect((await handshake(agent(early), controller(early))).client).toMatch(/NOT_YET_VALID/);
  });
});

describe('a handshake with what was revoked', () => {
  it('is refused by whoever has the new list', async () => {
    const pki = await makePki(join(directory, 'revoking'), {
      agents: [{ name: 'edmonton-1' }, { name: 'lyon-1' }],
      controllers: ['controller', 'laptop'],
    });
    const outdated = agent(pki);
    const gone = controller(pki, 'laptop');
    await revoke(pki.authority, 'laptop', new Date());
    expect((await handshake(outdated, gone)).server).toBe('controller laptop');
    expect((await handshake(agent(pki), gone)).server).toBe('CERT_REVOKED');
    expect((await handshake(agent(pki), controller(pki))).server).toBe('controller controller');
    await revoke(pki.authority, 'lyon-1', new Date());
    expect((await handshake(agent(pki, 'lyon-1'), controller(pki))).client).toBe('CERT_REVOKED');
    expect((await handshake(agent(pki), controller(pki))).client).toBe('agent edmonton-1');
  });
});

describe('OpenSSL', () => {
  function verify(pki: Pki, folder: string, purpose: string): string {
    const { dir } = pki.authority;
    const lists = ['-CAfile', join(dir, 'ca.crt'), '-CRLfile', join(dir, 'crl.pem'), '-crl_check_all'];
    try {
      const args = ['verify', '-x509_strict', '-purpose', purpose, ...lists, join(folder, 'tls.crt')];
      return execFileSync('openssl', args, { encoding: 'utf8', stdio: 'pipe' }).replace(/^.*: /, '').trim();
    } catch (error) {
      return /error \d+ at .*: (.*)/.exec((error as { stderr: string }).stderr)?.[1] ?? String(error);
    }
  }

  it('agrees on what is valid, for what, and what is revoked', async () => {
    const pki = await makePki(join(directory, 'openssl'), { agents: [{ name: 'edmonton-1' }, { name: 'lyon-1' }] });
    const { agents, controllers } = pki;
    expect(verify(pki, agents['edmonton-1']!, 'sslserver')).toBe('OK');
    expect(verify(pki, controllers.controller!, 'sslclient')).toBe('OK');
    expect(verify(pki, agents['edmonton-1']!, 'sslclient')).toMatch(/purpose/);
    expect(verify(pki, controllers.controller!, 'sslserver')).toMatch(/purpose/);
    await revoke(pki.authority, 'lyon-1', new Date());
    expect(verify(pki, agents['lyon-1']!, 'sslserver')).toBe('certificate revoked');
    expect(verify(pki, agents['edmonton-1']!, 'sslserver')).toBe('OK');
    expect(verify(ours, foreign.controllers.controller!, 'sslclient')).toMatch(/unable to get local issuer/);
  });
});
