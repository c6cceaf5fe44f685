import { X509Certificate } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { FlotillaError } from '../../errors.js';
import { IDENTITY_FILES, type Identity, loadIdentity } from '../../pki/identity.js';
import { describeSubject } from '../../pki/role.js';
import { type Finding, fail, failedWith, ok, warn } from './finding.js';

const DAY_MS = 86_400_000;
/** Whoever looks once a fortnight sees it in time. */
const SOON_DAYS = 20;

/** @throws FlotillaError PkiInvalid unless it is an agent's */
export function requireAgent(identity: Identity, dir: string): Identity {
  if (identity.role === 'agent') return identity;
  throw new FlotillaError('PkiInvalid', `the certificate in ${dir} is a controller's, not an agent's`, {
    hint: 'flotilla pki issue agent NAME --san DNS:... makes one; copy its folder here',
  });
}

export interface CheckedCertificate {
  findings: Finding[];
  identity: Identity | null;
}

/** The folder: complete, matching, an agent's, valid now, and its key for nobody else. */
export function checkCertificate(dir: string, now: Date): CheckedCertificate {
  try {
    const identity = requireAgent(loadIdentity(dir), dir);
    return { findings: [checkValidity(identity, now), checkKeyFile(dir)], identity };
  } catch (error) {
    return { findings: [failedWith('certificate', error, 'copy the folder again')], identity: null };
  }
}

/** How long the certificate serves, and what to do when that is not long. */
export function checkValidity(identity: Identity, now: Date): Finding {
  const who = `the certificate of ${describeSubject(identity)}`;
  const authorityEnds = new Date(new X509Certificate(identity.ca).validTo);
  if (authorityEnds <= now) {
    const hint = 'make a new one with flotilla pki init in another directory, and give every machine a new folder';
    return fail('certificate', `the authority of ca.crt expired at ${authorityEnds.toISOString()}`, hint);
  }
  if (now < identity.notBefore) {
    return fail(
      'certificate',
      `${who} is valid from ${identity.notBefore.toISOString()} on, and here it is ${now.toISOString()}`,
      'look at the clock of this machine (timedatectl), then at the clock of the one that issued it',
    );
  }
  const renew = `flotilla pki renew ${identity.name}, then copy its folder here; a running agent takes it up by itself`;
  if (identity.notAfter <= now) {
    return fail('certificate', `${who} expired at ${identity.notAfter.toISOString()}`, renew);
  }
  const days = Math.floor((identity.notAfter.getTime() - now.getTime()) / DAY_MS);
  const until = `until ${identity.notAfter.toISOString().slice(0, 10)}`;
  if (days >= SOON_DAYS) return ok('certificate', `${describeSubject(identity)}, valid ${until} (${days} days)`);
  const left = days === 0 ? 'less than a day' : `${days} ${days === 1 ? 'day' : 'days'}`;
  return warn('certificate', `${who} is valid ${until}: ${left} left`, renew);
}

function checkKeyFile(dir: string): Finding {
  const path = join(dir, IDENTITY_FILES.key);
  const mode = statSync(path).mode & 0o777;
  if ((mode & 0o077) === 0) return ok('key', `${path} is for its owner only`);
  return warn('key', `${path} can be used by others than its owner (mode ${mode.toString(8)})`, `chmod 600 ${path}`);
}
