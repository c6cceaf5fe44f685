import { existsSync } from 'node:fs';
import { FlotillaError } from '../errors.js';
import { type Authority, startOf } from './authority.js';
import { createRevocationList } from './certificates.js';
import { identityDirectory, readList } from './directory.js';
import { IDENTITY_FILES } from './identity.js';
import { type Issued, readIssued } from './issued.js';
import { publicFile, replaceFiles } from './private-files.js';
import { type Revocation, readRevocations } from './revoked-serials.js';
import type { Subject } from './role.js';
import { normalizeSerial } from './serial.js';

export interface Revoked {
  /** What is revoked now and was not before; none when all of it was. */
  revoked: readonly Issued[];
  /** Machines that would still trust what is revoked, until they get the new list: those of the other role. */
  toTell: readonly (Subject & { dir: string })[];
}

/**
 * Revokes every certificate of a name that has not expired, or the one with a serial number, and renews the list in the
 * authority's directory and in all identity folders.
 *
 * @param wanted a name, or a serial number in any way of writing
 * @throws UsageInvalid when there is no such name or serial, or all of it has expired
 */
export async function revoke(authority: Authority, wanted: string, now: Date): Promise<Revoked> {
  const issued = readIssued(authority.dir);
  const before = readRevocations(readList(authority.dir), authority.cert);
  const chosen = choose(issued, wanted, now);
  const known = new Set(before.map(({ serial }) => serial));
  const revoked = chosen.filter(({ serial }) => !known.has(serial));
  const list: Revocation[] = [...before, ...revoked.map(({ serial }) => ({ serial, at: now }))];
  await writeList(authority, issued, list, now);
  return { revoked, toTell: machinesToTell(authority.dir, issued, chosen, { list, now }) };
}

function choose(issued: readonly Issued[], wanted: string, now: Date): Issued[] {
  const named = issued.filter(({ name }) => name === wanted);
  const found = named.length > 0 ? named : issued.filter(({ serial }) => serial === normalizeSerial(wanted));
  if (found.length === 0) {
    throw new FlotillaError('UsageInvalid', `nothing was issued to or as ${JSON.stringify(wanted)}`, {
      hint: 'flotilla pki show lists all names and serials',
    });
  }
  const valid = found.filter(({ notAfter }) => new Date(notAfter) > now);
  if (valid.length > 0) return valid;
  throw new FlotillaError('UsageInvalid', `all that was issued to ${found[0]?.name} has expired`, {
    hint: 'nothing needs to be done: it is refused for that',
  });
}

async function writeList(
  authority: Authority,
  issued: readonly Issued[],
  list: Revocation[],
  now: Date,
): Promise<void> {
  const crl = publicFile(IDENTITY_FILES.crl, await createRevocationList(authority, list, startOf(now)));
  replaceFiles(authority.dir, [crl]);
  for (const dir of new Set(issued.map((one) => identityDirectory(authority.dir, one)))) {
    if (existsSync(dir)) replaceFiles(dir, [crl]);
  }
}

function machinesToTell(
  pkiDir: string,
  issued: readonly Issued[],
  chosen: readonly Issued[],
  { list, now }: { list: readonly Revocation[]; now: Date },
): (Subject & { dir: string })[] {
  const gone = new Set(list.map(({ serial }) => serial));
  const roles = new Set(chosen.map(({ role }) => role));
  const machines = new Map(
    issued
      .filter(({ serial, role, notAfter }) => !roles.has(role) && !gone.has(serial) && new Date(notAfter) > now)
      .map(({ role, name }) => [`${role} ${name}`, { role, name, dir: identityDirectory(pkiDir, { role, name }) }]),
  );
  return [...machines.values()];
}
