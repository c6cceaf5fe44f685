import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer, isIPv6 } from 'node:net';
import { connect } from 'node:tls';
import type { Identity } from '../../pki/identity.js';
import { errnoOf } from '../files/host-error.js';
import { type Finding, fail, ok } from './finding.js';

export interface ListenAddress {
  host: string;
  port: number;
}

const TIMEOUT_MS = 5_000;

/** Why an address cannot be listened on, by errno. */
export const LISTEN_PROBLEMS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'something listens there already',
  EACCES: 'it takes more rights than this user has',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'this machine has no such address',
};

/** Whether an agent could listen there. One that does already, with the same certificate, is no problem. */
export async function checkAddress(address: ListenAddress, identity: Identity | null): Promise<Finding> {
  const text = `${isIPv6(address.host) ? `[${address.host}]` : address.host}:${address.port}`;
  const errno = await tryToListen(address);
  if (errno === null) return ok('address', `${text} is free`);
  if (errno === 'EADDRINUSE' && identity && (await servesCertificate(address, identity))) {
    return ok('address', `the agent of this certificate listens on ${text}`);
  }
  const problem = LISTEN_PROBLEMS[errno] ?? errno;
  const find = errno === 'EADDRINUSE' ? `ss -ltnp 'sport = :${address.port}' shows who; or choose` : 'choose';
  return fail('address', `cannot listen at ${text}: ${problem}`, `${find} another address with --listen`);
}

async function tryToListen({ host, port }: ListenAddress): Promise<string | null> {
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, 'listening');
    return null;
  } catch (error) {
    return errnoOf(error) ?? 'unexpected error';
  } finally {
    server.close();
  }
}

/** Looks at the certificate that is shown there, and says nothing more: it shows none of its own. */
async function servesCertificate({ host, port }: ListenAddress, identity: Identity): Promise<boolean> {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  // Only this certificate counts, whatever name it has.
  const socket = connect({ host: reachable, port, ca: identity.ca, checkServerIdentity: () => undefined });
  socket.on('error', () => undefined);
  try {
    await once(socket, 'secureConnect', { signal });
    const shown = socket.getPeerCertificate().fingerprint256;
    return shown === new X509Certificate(identity.cert).fingerprint256;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
