import 'reflect-metadata';
import { type webcrypto as WebCrypto, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { AltName } from './alt-names.js';
import type { Revocation } from './revoked-serials.js';
import { type Subject, subjectUri } from './role.js';
import { randomSerial, type Serial } from './serial.js';

/** A certificate and the key to it, both PEM. */
export interface KeyPair {
  cert: string;
  key: string;
}

export interface Validity {
  notBefore: Date;
  notAfter: Date;
}

const CURVE = { name: 'ECDSA', namedCurve: 'P-256' };
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' };
const { KeyUsageFlags } = x509;

/** A self-signed authority. Its name has a random part, so that two authorities are never taken for one another. */
export async function createAuthorityCertificate(validity: Validity): Promise<KeyPair> {
  const keys = await generateKeys();
  const serialNumber = randomSerial();
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber,
    name: [{ CN: [`Flotilla authority ${serialNumber.slice(0, 8).toLowerCase()}`] }],
    ...validity,
    keys,
    signingAlgorithm: SIGNING,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: pem(cert), key: await exportKey(keys.privateKey) };
}

/** A certificate for one end. Its extended key usage makes TLS itself refuse an agent as a client and the reverse. */
export async function createLeafCertificate(
  authority: KeyPair,
  leaf: Subject & Validity & { altNames: readonly AltName[] },
): Promise<KeyPair & { serial: Serial }> {
  const ca = new x509.X509Certificate(authority.cert);
  const keys = await generateKeys();
  const serial = randomSerial();
  const usage = leaf.role === 'agent' ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth;
  const cert = await x509.X509CertificateGenerator.create({
    serialNumber: serial,
    subject: [{ CN: [leaf.name] }],
    issuer: ca.subjectName,
    notBefore: leaf.notBefore,
    notAfter: leaf.notAfter,
    publicKey: keys.publicKey,
    signingKey: await importKey(authority.key),
    signingAlgorithm: SIGNING,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([usage]),
      new x509.SubjectAlternativeNameExtension([{ type: 'url', value: subjectUri(leaf) }, ...leaf.altNames]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(ca),
    ],
  });
  return { cert: pem(cert), key: await exportKey(keys.privateKey), serial };
}

/** A revocation list, PEM. It is valid as long as the authority: who has an old one is not locked out by its age. */
export async function createRevocationList(
  authority: KeyPair,
  revocations: readonly Revocation[],
  thisUpdate: Date,
): Promise<string> {
  const ca = new x509.X509Certificate(authority.cert);
  const crl = await x509.X509CrlGenerator.create({
    issuer: ca.subjectName,
    thisUpdate,
    nextUpdate: ca.notAfter,
    signingKey: await importKey(authority.key),
    signingAlgorithm: SIGNING,
    entries: revocations.map(({ serial, at }) => ({ serialNumber: serial, revocationDate: at })),
    extensions: [await x509.AuthorityKeyIdentifierExtension.create(ca), crlNumber(revocations.length)],
  });
  return pem(crl);
}

/** RFC 5280, 5.2.3. Entries only ever get more, so their count grows as the number must. */
function crlNumber(number: number): x509.Extension {
  const hex = number.toString(16);
  const digits = hex.length % 2 === 0 ? hex : `0${hex}`;
  const bytes = Buffer.from(/^[89a-f]/.test(digits) ? `00${digits}` : digits, 'hex');
  return new x509.Extension('2.5.29.20', false, Buffer.concat([Buffer.from([0x02, bytes.length]), bytes]));
}

async function generateKeys(): Promise<WebCrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(CURVE, true, ['sign', 'verify'])) as WebCrypto.CryptoKeyPair;
}

async function exportKey(key: WebCrypto.CryptoKey): Promise<string> {
  return encodePem('PRIVATE KEY', await webcrypto.subtle.exportKey('pkcs8', key));
}

async function importKey(pemText: string): Promise<WebCrypto.CryptoKey> {
  const [der] = x509.PemConverter.decode(pemText);
  if (der === undefined) throw new Error('no key in PEM');
  return webcrypto.subtle.importKey('pkcs8', der, CURVE, false, ['sign']);
}

/** OpenSSL knows a list by `X509 CRL`; the library would write `CRL`. */
function pem(data: x509.X509Certificate | x509.X509Crl): string {
  return encodePem(data instanceof x509.X509Crl ? 'X509 CRL' : 'CERTIFICATE', data.rawData);
}

function encodePem(label: string, der: ArrayBuffer): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
