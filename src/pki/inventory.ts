import { X509Certificate } from 'node:crypto';
import { readAuthorityFile, revokedIn } from './directory.js';
import { type Issued, readIssued } from './issued.js';

/** `replaced`: renewed since, and still valid. */
export type CertificateState = 'current' | 'replaced' | 'expired' | 'revoked';

export interface InventoryItem extends Issued {
  state: CertificateState;
  /** Whole days that are left; below 0 once it has expired. */
  expiresInDays: number;
}

export interface Inventory {
  authority: { notAfter: string; expiresInDays: number };
  /** All that is still valid or was revoked before its time, and the newest of every name; by role and name, newest first. */
  items: readonly InventoryItem[];
}

const DAY_MS = 86_400_000;

/** What an authority has issued, without its key. @throws PkiInvalid when there is none in the directory */
export function takeInventory(pkiDir: string, now: Date): Inventory {
  const notAfter = new Date(new X509Certificate(readAuthorityFile(pkiDir, 'ca.crt')).validTo).toISOString();
  const revoked = revokedIn(pkiDir);
  const issued = readIssued(pkiDir);
  const newest = new Map(issued.map((one) => [one.name, one.serial]));
  const items = issued.reverse().map((one) => ({
    ...one,
    state: stateOf(one, { revoked: revoked.has(one.serial), newest: newest.get(one.name) === one.serial, now }),
    expiresInDays: daysUntil(one.notAfter, now),
  }));
  return {
    authority: { notAfter, expiresInDays: daysUntil(notAfter, now) },
    items: items.filter((one) => one.expiresInDays >= 0 || newest.get(one.name) === one.serial).sort(compare),
  };
}

/** Names whose newest certificate is not revoked. */
export function renewableNames({ items }: Inventory): string[] {
  return items.filter(({ state }) => state === 'current' || state === 'expired').map(({ name }) => name);
}

function stateOf(one: Issued, facts: { revoked: boolean; newest: boolean; now: Date }): CertificateState {
  if (facts.revoked) return 'revoked';
  if (new Date(one.notAfter) <= facts.now) return 'expired';
  return facts.newest ? 'current' : 'replaced';
}

function daysUntil(iso: string, now: Date): number {
  return Math.floor((Date.parse(iso) - now.getTime()) / DAY_MS);
}

/** Controllers come first. */
function compare(a: InventoryItem, b: InventoryItem): number {
  if (a.role !== b.role) return a.role === 'controller' ? -1 : 1;
  return a.name === b.name ? 0 : a.name < b.name ? -1 : 1;
}
