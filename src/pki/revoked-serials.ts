import { verify, X509Certificate } from 'node:crypto';
import { FlotillaError } from '../errors.js';
import { DER, type DerValue, readDer, readSequence } from './der.js';
import { normalizeSerial, type Serial } from './serial.js';

/** One line of a revocation list. */
export interface Revocation {
  serial: Serial;
  at: Date;
}

/** ecdsa-with-SHA256 (RFC 5758, 3.2): all that our authority signs with. */
const ECDSA_WITH_SHA256 = '300a06082a8648ce3d040302';

/**
 * The serials that a revocation list names, once the authority's signature on it has been checked: an empty list that
 * somebody forged revokes nothing less.
 *
 * It reads the list itself, as @peculiar/x509 takes longer to load than an agent to start.
 *
 * @throws PkiInvalid when it is not a list that this authority signed
 */
export function revokedSerials(crlPem: string, caPem: string): ReadonlySet<Serial> {
  return new Set(readRevocations(crlPem, caPem).map(({ serial }) => serial));
}

/** As {@link revokedSerials}, with the times of revocation, in the order of the list. */
export function readRevocations(crlPem: string, caPem: string): Revocation[] {
  let signed: boolean;
  let entries: Revocation[];
  try {
    const [tbs, algorithm, signature] = readSequence(readDer(decodePem(crlPem))[0]);
    signed = isSigned(tbs, algorithm, signature, caPem);
    entries = signed ? readEntries(tbs) : [];
  } catch (cause) {
    throw invalid('the revocation list cannot be read', cause);
  }
  if (!signed) throw invalid('the revocation list was not signed by the authority of ca.crt');
  return entries;
}

function invalid(message: string, cause?: unknown): FlotillaError {
  return new FlotillaError('PkiInvalid', message, {
    cause,
    hint: 'copy crl.pem and ca.crt again from the directory that flotilla pki keeps',
  });
}

function decodePem(pem: string): Buffer {
  const body = /-----BEGIN X509 CRL-----([A-Za-z0-9+/=\s]+)-----END X509 CRL-----/.exec(pem)?.[1];
  if (body === undefined) throw new Error('no X509 CRL in PEM');
  return Buffer.from(body, 'base64');
}

function isSigned(
  tbs: DerValue | undefined,
  algorithm: DerValue | undefined,
  signature: DerValue | undefined,
  caPem: string,
): boolean {
  if (!tbs || algorithm?.whole.toString('hex') !== ECDSA_WITH_SHA256) return false;
  // The first byte of a bit string counts the bits that are not used.
  if (signature?.tag !== DER.bitString || signature.content[0] !== 0) return false;
  return verify('sha256', tbs.whole, new X509Certificate(caPem).publicKey, signature.content.subarray(1));
}

/** RFC 5280, 5.1: version, signature, issuer, thisUpdate, then nextUpdate and revokedCertificates where there are any. */
function readEntries(tbs: DerValue | undefined): Revocation[] {
  const fields = readSequence(tbs);
  const times = fields.findIndex((field) => isTime(field));
  const list = fields.slice(times).find((field) => field.tag === DER.sequence);
  return list === undefined ? [] : readSequence(list).map(readEntry);
}

function readEntry(entry: DerValue): Revocation {
  const [serial, at] = readSequence(entry);
  if (serial?.tag !== DER.integer || at === undefined) throw new Error('not an entry');
  return { serial: normalizeSerial(serial.content.toString('hex')), at: readTime(at) };
}

function isTime(value: DerValue): boolean {
  return value.tag === DER.utcTime || value.tag === DER.generalizedTime;
}

/** RFC 5280, 4.1.2.5: a UTCTime of YY below 50 is in this century. */
function readTime(value: DerValue): Date {
  const text = value.content.toString('latin1');
  const full = value.tag === DER.utcTime ? `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}` : text;
  const time = new Date(full.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (!isTime(value) || Number.isNaN(time.getTime())) throw new Error('not a time');
  return time;
}
