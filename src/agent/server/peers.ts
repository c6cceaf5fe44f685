import type { PeerCertificate, TLSSocket } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import type { Identity } from '../../pki/identity.js';
import { identifyPeer } from '../../pki/peer.js';

/** Who is at the other end of the connections that are open, and whether they may still be. */
export interface Peers {
  /** From now on by what this identity says is revoked: connections of whoever is refused now end, streams with them. */
  judgeBy(identity: Pick<Identity, 'revoked'>): void;
}

/** A stream may outlive the certificate that it was opened with, by so many milliseconds. */
const CHECK_EVERY_MS = 60_000;

/** Looks at each request's certificate, and at those of connections that stay open. */
export function checkPeers(app: FastifyInstance, identity: Pick<Identity, 'revoked'>): Peers {
  const open = new Map<TLSSocket, PeerCertificate>();
  let { revoked } = identity;
  const identify = (peer: PeerCertificate) => identifyPeer(peer, { role: 'controller', revoked, now: new Date() });
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
      revoked = next.revoked;
      endRefused();
    },
  };
}

/** Whether an answer is under way. */
function isBusy(socket: TLSSocket): boolean {
  return (socket as { _httpMessage?: unknown })._httpMessage != null;
}
