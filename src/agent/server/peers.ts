import { X509Certificate } from 'node:crypto';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import { FlotillaError } from '../../errors.js';
import type { Identity } from '../../pki/identity.js';
import { identifyPeer } from '../../pki/peer.js';

/** Who is at the other end of the connections that are open, and whether they may still be. */
export interface Peers {
  /** From now on by this identity's authority and list: connections of whoever is refused now end, streams with them. */
  judgeBy(identity: Judge): void;
}

type Judge = Pick<Identity, 'ca' | 'revoked'>;

/** A stream may outlive the certificate that it was opened with, by so many milliseconds. */
const CHECK_EVERY_MS = 60_000;

/** Looks at each request's certificate, and at those of connections that stay open. */
export function checkPeers(app: FastifyInstance, identity: Judge): Peers {
  const open = new Map<TLSSocket, PeerCertificate>();
  let { ca, revoked } = identity;
  /** The authority that each certificate was last found to be of. */
  const signedBy = new WeakMap<PeerCertificate, string>();
  const identify = (peer: PeerCertificate) => {
    if (signedBy.get(peer) !== ca) requireAuthority(peer, ca);
    signedBy.set(peer, ca);
    identifyPeer(peer, { role: 'controller', revoked, now: new Date() });
  };
  const endRefused = () => {
    for (const [socket, peer] of open) {
      try {
        identify(peer);
      } catch {
        // It would get an answer if it asked: this one is told nothing more.
        if (isBusy(socket)) socket.destroy();
      }
    }
  };
  app.addHook('onRequest', async ({ raw }) => {
    const socket = raw.socket as TLSSocket;
    const peer = open.get(socket) ?? socket.getPeerCertificate();
    if (!open.has(socket)) {
      open.set(socket, peer);
      socket.once('close', () => open.delete(socket));
    }
    identify(peer);
  });
  const timer = setInterval(endRefused, CHECK_EVERY_MS).unref();
  app.addHook('onClose', async () => clearInterval(timer));
  return {
    judgeBy(next) {
      ({ ca, revoked } = next);
      endRefused();
    },
  };
}

/** TLS looks at the handshake only: the authority may have been replaced since. */
function requireAuthority({ raw }: PeerCertificate, ca: string): void {
  if (new X509Certificate(raw).verify(new X509Certificate(ca).publicKey)) return;
  throw new FlotillaError('PeerRefused', 'the certificate is of another authority than this agent trusts now', {
    hint: 'issue one from the authority whose ca.crt the agent has, and copy its folder',
  });
}

/** Whether an answer is under way. */
function isBusy(socket: TLSSocket): boolean {
  return (socket as { _httpMessage?: unknown })._httpMessage != null;
}
