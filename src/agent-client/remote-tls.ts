import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { Agent, type Dispatcher } from 'undici';
import { FlotillaError } from '../errors.js';
import type { Identity } from '../pki/identity.js';
import { identifyPeer } from '../pki/peer.js';
import type { RemoteHost } from './remote-errors.js';

/** Connections to an agent: TLS 1.3 with our certificate, and none to anyone but the agent of this very host. */
export function connect(
  host: RemoteHost,
  { ca, cert, key, crl, revoked }: Identity,
  { connections, connectMs }: { connections: number; connectMs: number },
): Dispatcher {
  return new Agent({
    connections,
    keepAliveTimeout: 60_000,
    keepAliveMaxTimeout: 60_000,
    // A resumed session is not checked again.
    maxCachedSessions: 0,
    connect: {
      ca,
      cert,
      key,
      crl,
      minVersion: 'TLSv1.3',
      timeout: connectMs,
      checkServerIdentity: (address: string, peer: PeerCertificate) =>
        checkServerIdentity(address, peer) ?? refusePeer(peer, host, revoked),
    },
  });
}

/** The certificate must be the agent's of this very host, not only of an agent. */
function refusePeer(peer: PeerCertificate, { name }: RemoteHost, revoked: ReadonlySet<string>): Error | undefined {
  try {
    identifyPeer(peer, { role: 'agent', name, revoked, now: new Date() });
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

/** An agent ends a connection with such a certificate without a word. */
export function requireUsable({ name, role, notBefore, notAfter }: Identity, now: Date): void {
  if (role !== 'controller') {
    throw new FlotillaError(
      'PkiInvalid',
      `the certificate given by --pki is that of agent ${name}, not a controller's`,
      {
        hint: 'flotilla pki issue controller makes one: its folder is pki/controller',
      },
    );
  }
  if (notBefore <= now && now <= notAfter) return;
  const what = now > notAfter ? `expired at ${notAfter.toISOString()}` : `is valid from ${notBefore.toISOString()} on`;
  throw new FlotillaError('PkiInvalid', `the certificate of this controller ${what}, and it is ${now.toISOString()}`, {
    hint: now > notAfter ? `flotilla pki renew ${name}` : 'compare the clocks of both machines',
  });
}
