import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { FlotillaError } from '../errors.js';
import { createAuthorityCertificate, createRevocationList, type KeyPair } from './certificates.js';
import { readAuthorityFile } from './directory.js';
import { ensurePrivateDirectory, privateFile, publicFile, replaceFiles } from './private-files.js';

/** A directory that holds an authority, opened: it can issue and revoke. */
export interface Authority extends KeyPair {
  dir: string;
  notAfter: Date;
}

const YEARS = 10;
/** Clocks of other machines may be this far behind ours. */
const CLOCK_SKEW_MS = 5 * 60_000;

/**
 * Makes an authority in a directory: its certificate and key, and a revocation list that is empty.
 *
 * @throws UsageInvalid when there is one already: a new one would lock out every machine
 */
export async function makeAuthority(dir: string, now: Date): Promise<Authority> {
  for (const file of ['ca.crt', 'ca.key']) {
    if (!existsSync(join(dir, file))) continue;
    throw new FlotillaError('UsageInvalid', `${join(dir, file)} is there already`, {
      hint: 'issue from it, name another directory with --dir, or move the old one away: then every machine needs a new folder',
    });
  }
  const notAfter = new Date(now);
  notAfter.setUTCFullYear(now.getUTCFullYear() + YEARS);
  const pair = await createAuthorityCertificate({ notBefore: startOf(now), notAfter });
  const crl = await createRevocationList(pair, [], startOf(now));
  ensurePrivateDirectory(dir);
  replaceFiles(dir, [privateFile('ca.key', pair.key), publicFile('crl.pem', crl), publicFile('ca.crt', pair.cert)]);
  return { dir, ...pair, notAfter: new Date(new X509Certificate(pair.cert).validTo) };
}

/** @throws PkiInvalid when there is no authority, or its key does not fit its certificate */
export function openAuthority(dir: string): Authority {
  const [cert, key] = [readAuthorityFile(dir, 'ca.crt'), readAuthorityFile(dir, 'ca.key')];
  const parsed = new X509Certificate(cert);
  if (!fits(parsed, key)) {
    throw new FlotillaError('PkiInvalid', `ca.key in ${dir} is not the key of ca.crt`, {
      hint: 'restore both from the same copy',
    });
  }
  return { dir, cert, key, notAfter: new Date(parsed.validTo) };
}

/** From when on a certificate that is made now is valid. */
export function startOf(now: Date): Date {
  return new Date(now.getTime() - CLOCK_SKEW_MS);
}

function fits(cert: X509Certificate, key: string): boolean {
  try {
    return cert.checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}
