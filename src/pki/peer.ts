import { FlotillaError } from '../errors.js';
import { readSubject } from './read-subject.js';
import { describeRole, describeSubject, type Role, type Subject } from './role.js';
import { normalizeSerial, type Serial } from './serial.js';

/** What is looked at of `tls.PeerCertificate`. */
export interface PeerNames {
  subjectaltname?: string | undefined;
  serialNumber: string;
  /** As Node writes them: `Nov 24 17:36:34 2026 GMT`. */
  valid_from: string;
  valid_to: string;
}

export interface Expected {
  role: Role;
  /** Whom to expect; anyone of the role where it is left out. */
  name?: string;
  revoked: ReadonlySet<Serial>;
  now: Date;
}

/**
 * Who the other side is, by a certificate whose signature TLS has checked. TLS refuses most of this by itself; this says
 * it in a sentence, and holds when a list of revocations or a clock has moved since the handshake.
 *
 * @throws PeerRefused when it is not who is expected, revoked, expired, or not valid yet
 */
export function identifyPeer(cert: PeerNames, expected: Expected): Subject {
  const subject = subjectOf(cert);
  const who = `the certificate of ${describeSubject(subject)}`;
  requireWhom(subject, expected);
  const serial = normalizeSerial(cert.serialNumber);
  if (expected.revoked.has(serial)) {
    throw refused(`${who} is revoked (serial ${serial})`, issueHint(subject));
  }
  const [from, to] = [new Date(cert.valid_from), new Date(cert.valid_to)];
  if (Number.isNaN(from.getTime()) || Number.isNaN(to.getTime())) throw refused(`${who} has no times that can be read`);
  if (expected.now < from) {
    throw refused(
      `${who} is valid from ${from.toISOString()} on, and here it is ${expected.now.toISOString()}`,
      'compare the clocks of both machines',
    );
  }
  if (expected.now > to) throw refused(`${who} expired at ${to.toISOString()}`, renewHint(subject));
  return subject;
}

function subjectOf(cert: PeerNames): Subject {
  const subject = readSubject(cert.subjectaltname);
  if (!('problem' in subject)) return subject;
  throw refused(`the certificate ${subject.problem}`, 'certificates for both ends are made with flotilla pki issue');
}

function requireWhom(subject: Subject, { role, name }: Expected): void {
  if (subject.role !== role) {
    throw refused(
      `the certificate is one of ${describeSubject(subject)}, and ${describeRole(role)} is expected`,
      'give each machine the folder that was issued for it: controllers/ and agents/ are not exchangeable',
    );
  }
  if (name !== undefined && subject.name !== name) {
    throw refused(
      `the certificate is one of ${describeSubject(subject)}, and ${describeSubject({ role, name })} is expected`,
      `see where the address of ${name} leads, and which folder was copied there`,
    );
  }
}

function issueHint({ role, name }: Subject): string {
  return `if it is to be trusted again: flotilla pki issue ${role} ${name}${role === 'agent' ? ' --san DNS:...' : ''}, then copy its folder`;
}

function renewHint({ name }: Subject): string {
  return `flotilla pki renew ${name}, then copy its folder`;
}

function refused(message: string, hint?: string): FlotillaError {
  return new FlotillaError('PeerRefused', message, hint === undefined ? {} : { hint });
}
