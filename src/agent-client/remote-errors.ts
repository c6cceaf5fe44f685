import { errors } from 'undici';
import { FlotillaError } from '../errors.js';

/** The host that is asked, for messages. */
export interface RemoteHost {
  /** As its Host manifest says. */
  name: string;
  /** An https origin. */
  url: string;
}

const UNREACHABLE: Record<string, [what: string, hint: string]> = {
  ECONNREFUSED: [
    'nothing listens there',
    'systemctl status flotilla-agent on the host; flotilla agent --check says what is wrong',
  ],
  ENOTFOUND: ['its name does not resolve', 'look at spec.agent in the manifest of the host'],
  EAI_AGAIN: ['its name does not resolve now', 'look at the name service of this machine'],
  EHOSTUNREACH: ['there is no way to it', 'look at the network between here and the host'],
  ENETUNREACH: ['there is no way to it', 'look at the network between here and the host'],
  ETIMEDOUT: ['it did not answer', 'look at the network and the firewall between here and the host'],
  UND_ERR_CONNECT_TIMEOUT: ['it did not answer', 'look at the network and the firewall between here and the host'],
  UND_ERR_HEADERS_TIMEOUT: [
    'it did not answer in time',
    "look at the host's load, and at journalctl -u flotilla-agent",
  ],
  UND_ERR_BODY_TIMEOUT: ['it stopped answering', "look at the host's load, and at journalctl -u flotilla-agent"],
};

/** What OpenSSL and Node say of the agent's certificate, in our words. */
const REFUSED: Record<string, string> = {
  CERT_HAS_EXPIRED: 'has expired: flotilla pki renew makes a new one',
  CERT_NOT_YET_VALID: 'is not valid yet: compare the clocks of both machines',
  CERT_REVOKED: 'is revoked',
  ERR_TLS_CERT_ALTNAME_INVALID: 'does not name the address in spec.agent: issue it again with that --san',
  INVALID_PURPOSE: "is not an agent's",
  UNSUPPORTED_CERTIFICATE_PURPOSE: "is not an agent's",
  SELF_SIGNED_CERT_IN_CHAIN: 'is of another authority',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'is of another authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'is of another authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'is of another authority',
  UNABLE_TO_GET_ISSUER_CERT: 'is of another authority',
  CERT_SIGNATURE_FAILURE: 'is of another authority',
  // Our list is that of our authority: there is one for all that it issued.
  UNABLE_TO_GET_CRL: 'is of another authority',
};

/**
 * What went wrong on the way to an agent, in the operator's words. Nothing of what the other side sent is repeated.
 *
 * @returns HostUnreachable, PeerRefused, or Cancelled when `signal` was the reason; a FlotillaError as it is; Internal for a bug
 */
export function toRemoteError(error: unknown, host: RemoteHost, signal?: AbortSignal): FlotillaError {
  if (error instanceof FlotillaError) return error;
  if (signal?.aborted) return new FlotillaError('Cancelled', 'interrupted', { cause: error });
  const code = codeOf(error);
  // No failure of a network is without a code: this one is ours.
  if (code === '')
    return new FlotillaError('Internal', `unexpected error while host ${host.name} was asked`, { cause: error });
  const reason = REFUSED[code];
  if (reason !== undefined) return refused(host, `the certificate that ${host.url} shows ${reason}`, error);
  if (code.includes('ALERT') || code === 'ERR_SSL_TLSV1_UNSUPPORTED' || code === 'ERR_SSL_WRONG_VERSION_NUMBER')
    return translateTls(code, host, error);
  const [what, hint] = UNREACHABLE[code] ?? [
    'the connection broke',
    'journalctl -u flotilla-agent on the host says why: it may refuse our certificate',
  ];
  return new FlotillaError('HostUnreachable', `host ${host.name} cannot be reached at ${host.url}: ${what}`, {
    cause: error,
    hint,
  });
}

/** The connection was lost, so that what was asked may or may not have been done. */
export function isBroken(error: unknown): boolean {
  return error instanceof errors.SocketError || ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'].includes(codeOf(error));
}

/** No connection came about, so that nothing of what was asked has arrived. */
export function isUnsent(error: unknown): boolean {
  return UNSENT.has(codeOf(error));
}

const UNSENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

function translateTls(code: string, host: RemoteHost, cause: unknown): FlotillaError {
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER')
    return refused(host, `what listens at ${host.url} does not speak TLS`, cause);
  if (/PROTOCOL_VERSION|UNSUPPORTED$/.test(code))
    return refused(host, `what listens at ${host.url} does not speak TLS 1.3`, cause);
  return refused(host, `the agent at ${host.url} refuses our certificate`, cause);
}

function refused(host: RemoteHost, message: string, cause: unknown): FlotillaError {
  return new FlotillaError('PeerRefused', `host ${host.name}: ${message}`, {
    cause,
    hint: 'flotilla pki show lists certificates, their names and when they end',
  });
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  const { code, cause } = error as NodeJS.ErrnoException & { cause?: unknown };
  return code === undefined || code === 'UND_ERR_SOCKET' ? codeOf(cause) || (code ?? '') : code;
}
