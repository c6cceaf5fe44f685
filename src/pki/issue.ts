import { FlotillaError } from '../errors.js';
import { type AltName, formatAltName, parseAltNames } from './alt-names.js';
import { type Authority, startOf } from './authority.js';
import { createLeafCertificate, type Validity } from './certificates.js';
import { identityDirectory, readList, revokedIn } from './directory.js';
import { IDENTITY_FILES } from './identity.js';
import { appendIssued, type Issued, readIssued } from './issued.js';
import { ensurePrivateDirectory, privateFile, publicFile, replaceFiles } from './private-files.js';
import { describeRole, describeSubject, isName, type Subject } from './role.js';

export interface IssueRequest extends Subject {
  /** Under which names controllers reach an agent; none for a controller. */
  altNames: readonly AltName[];
  /** How long it is valid; never longer than the authority. */
  days: number;
  now: Date;
}

/** What was issued, and the folder that goes to the machine. */
export interface IssuedIdentity extends Issued {
  dir: string;
}

export const DEFAULT_DAYS = 90;
const DAY_MS = 86_400_000;

/**
 * Issues a first certificate for a name, with a new key.
 *
 * @throws UsageInvalid when the name or its SANs will not do, or it has a certificate that is neither expired nor revoked
 */
export async function issueIdentity(authority: Authority, request: IssueRequest): Promise<IssuedIdentity> {
  requireName(request);
  if (request.role === 'agent' && request.altNames.length === 0) {
    throw new FlotillaError('UsageInvalid', `${describeSubject(request)} has no name to be reached by`, {
      hint: `say where controllers reach it, as its Host manifest does: --san DNS:${request.name}.example.org, or --san IP:10.0.0.7`,
    });
  }
  requireFree(authority, request);
  return writeIdentity(authority, request);
}

/**
 * Issues another certificate for a name, with a new key and the same names, and for as long as the last one unless `days`
 * says otherwise. The one before stays valid until it expires.
 *
 * @throws UsageInvalid when the name has none, or all that it has is revoked
 */
export async function renewIdentity(
  authority: Authority,
  { name, days, now }: { name: string; days?: number | undefined; now: Date },
): Promise<IssuedIdentity> {
  const last = readIssued(authority.dir).findLast((one) => one.name === name);
  if (last === undefined) {
    throw new FlotillaError('UsageInvalid', `nothing was issued to ${JSON.stringify(name)}`, {
      hint: 'flotilla pki show lists all names',
    });
  }
  if (revokedIn(authority.dir).has(last.serial)) {
    const sans = last.sans.map((san) => ` --san ${san}`).join('');
    throw new FlotillaError('UsageInvalid', `the certificate of ${describeSubject(last)} is revoked`, {
      hint: `if it is to be trusted again: flotilla pki issue ${last.role} ${name}${sans}`,
    });
  }
  const { role, sans } = last;
  return writeIdentity(authority, { role, name, altNames: parseAltNames(sans), days: days ?? daysOf(last), now });
}

/** Whole days, of which the time that makes up for slow clocks is none. */
function daysOf({ notBefore, notAfter }: Issued): number {
  return Math.max(1, Math.floor((Date.parse(notAfter) - Date.parse(notBefore)) / DAY_MS));
}

function requireName(subject: Subject): void {
  if (isName(subject.name)) return;
  throw new FlotillaError(
    'UsageInvalid',
    `${JSON.stringify(subject.name)} is not a name for ${describeRole(subject.role)}`,
    {
      hint: 'write a DNS label, such as edmonton-1: 1 to 63 of a-z, 0-9 and "-", starting and ending with a letter or digit',
    },
  );
}

/** A name is one machine's: `renew NAME` and `revoke NAME` need no role. */
function requireFree(authority: Authority, { role, name, now }: IssueRequest): void {
  const revoked = revokedIn(authority.dir);
  const held = readIssued(authority.dir).find(
    (one) => one.name === name && new Date(one.notAfter) > now && !revoked.has(one.serial),
  );
  if (held === undefined) return;
  if (held.role === role) {
    throw new FlotillaError('UsageInvalid', `${describeSubject(held)} has a certificate until ${held.notAfter}`, {
      hint: `flotilla pki renew ${name} makes a new one; for other names revoke it first: flotilla pki revoke ${name}`,
    });
  }
  throw new FlotillaError('UsageInvalid', `${name} is the name of ${describeRole(held.role)}`, {
    hint: 'take another name: a name stands for one machine in one role',
  });
}

async function writeIdentity(authority: Authority, request: IssueRequest): Promise<IssuedIdentity> {
  const { role, name, altNames } = request;
  const crl = readList(authority.dir);
  const validity = validityOf(authority, request);
  const { cert, key, serial } = await createLeafCertificate(authority, { role, name, altNames, ...validity });
  const issued: Issued = {
    serial,
    role,
    name,
    sans: altNames.map(formatAltName),
    notBefore: validity.notBefore.toISOString(),
    notAfter: validity.notAfter.toISOString(),
  };
  appendIssued(authority.dir, issued);
  const dir = identityDirectory(authority.dir, request);
  ensurePrivateDirectory(dir);
  replaceFiles(dir, [
    publicFile(IDENTITY_FILES.ca, authority.cert),
    publicFile(IDENTITY_FILES.crl, crl),
    privateFile(IDENTITY_FILES.key, key),
    publicFile(IDENTITY_FILES.cert, cert),
  ]);
  return { ...issued, dir };
}

/** In whole seconds, as certificates have them. */
function validityOf({ dir, notAfter: end }: Authority, { days, now }: IssueRequest): Validity {
  if (end <= now) {
    throw new FlotillaError('PkiInvalid', `the authority in ${dir} expired at ${end.toISOString()}`, {
      hint: 'make a new one with flotilla pki init --dir, and give every machine a new folder',
    });
  }
  const start = new Date(Math.floor(now.getTime() / 1000) * 1000);
  const notAfter = new Date(Math.min(start.getTime() + days * DAY_MS, end.getTime()));
  return { notBefore: startOf(start), notAfter };
}
