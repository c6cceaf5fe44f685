import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FlotillaError } from '../errors.js';
import { readSubject } from './read-subject.js';
import { revokedSerials } from './revoked-serials.js';
import type { Role, Subject } from './role.js';
import type { Serial } from './serial.js';

/** The files of an identity folder. */
export const IDENTITY_FILES = { ca: 'ca.crt', cert: 'tls.crt', key: 'tls.key', crl: 'crl.pem' } as const;

/** What one end of a connection shows and trusts. `ca`, `cert`, `key` and `crl` are PEM, as `node:tls` takes them. */
export interface Identity {
  ca: string;
  cert: string;
  key: string;
  crl: string;
  name: string;
  role: Role;
  notBefore: Date;
  notAfter: Date;
  /** What `crl` revokes; its signature has been checked. */
  revoked: ReadonlySet<Serial>;
  /** Changes when any of the files does. Tells nothing of the key. */
  stamp: string;
}

type Texts = Record<keyof typeof IDENTITY_FILES, string>;

/**
 * Reads an identity folder and checks that its files belong together. Whether the certificate has expired is left to the
 * caller. Who reloads while files are replaced keeps what it has when this throws: between two files of a new pair there
 * is a moment in which key and certificate do not match.
 *
 * @throws PkiInvalid when a file is missing or does not belong to the others
 */
export function loadIdentity(dir: string): Identity {
  const texts = Object.fromEntries(
    Object.entries(IDENTITY_FILES).map(([part, file]) => [part, readPart(dir, file)]),
  ) as Texts;
  const ca = parse(dir, IDENTITY_FILES.ca, () => new X509Certificate(texts.ca));
  const cert = parse(dir, IDENTITY_FILES.cert, () => new X509Certificate(texts.cert));
  const key = parse(dir, IDENTITY_FILES.key, () => createPrivateKey(texts.key));
  if (!cert.checkPrivateKey(key)) {
    throw invalid(`tls.key and tls.crt in ${dir} do not belong together`, 'copy both again from one identity folder');
  }
  if (!ca.ca || !cert.checkIssued(ca) || !cert.verify(ca.publicKey)) {
    throw invalid(`tls.crt in ${dir} was not signed by the authority of ca.crt`, COPY_AGAIN);
  }
  return {
    ...texts,
    ...subjectOf(dir, cert),
    notBefore: new Date(cert.validFrom),
    notAfter: new Date(cert.validTo),
    revoked: revokedSerials(texts.crl, texts.ca),
    stamp: stampOf(texts, cert),
  };
}

const COPY_AGAIN = 'copy the whole folder again from where flotilla pki issue made it';

function invalid(message: string, hint: string, cause?: unknown): FlotillaError {
  return new FlotillaError('PkiInvalid', message, { hint, cause });
}

function readPart(dir: string, file: string): string {
  try {
    return readFileSync(join(dir, file), 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'EACCES') {
      throw invalid(`${join(dir, file)} cannot be read by this user`, 'give it to the user that runs flotilla', cause);
    }
    throw invalid(
      `there is no ${join(dir, file)}`,
      'make the folder with flotilla pki issue controller, or flotilla pki issue agent NAME --san DNS:..., and copy it here',
      cause,
    );
  }
}

/** What the parser says is kept as the cause only: it has just read a private key. */
function parse<T>(dir: string, file: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw invalid(`${join(dir, file)} is not what its name says`, COPY_AGAIN, cause);
  }
}

function subjectOf(dir: string, cert: X509Certificate): Subject {
  const subject = readSubject(cert.subjectAltName);
  if (!('problem' in subject)) return subject;
  throw invalid(`tls.crt in ${dir} ${subject.problem}`, COPY_AGAIN);
}

/** The certificate stands for its key, which matches. */
function stampOf({ ca, crl }: Texts, cert: X509Certificate): string {
  return createHash('sha256').update(`${ca}\0${cert.fingerprint256}\0${crl}`).digest('hex');
}
