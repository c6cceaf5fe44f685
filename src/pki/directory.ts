import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FlotillaError } from '../errors.js';
import { IDENTITY_FILES } from './identity.js';
import { revokedSerials } from './revoked-serials.js';
import { DEFAULT_CONTROLLER, type Subject } from './role.js';
import type { Serial } from './serial.js';

/** Where the folder of an identity is. */
export function identityDirectory(pkiDir: string, { role, name }: Subject): string {
  if (role === 'agent') return join(pkiDir, 'agents', name);
  return name === DEFAULT_CONTROLLER ? join(pkiDir, 'controller') : join(pkiDir, 'controllers', name);
}

/** PEM. @throws PkiInvalid when it is not there */
export function readAuthorityFile(dir: string, file: 'ca.crt' | 'ca.key'): string {
  try {
    return readFileSync(join(dir, file), 'utf8');
  } catch (cause) {
    throw new FlotillaError('PkiInvalid', `there is no authority in ${dir}: ${file} cannot be read`, {
      cause,
      hint: 'make one with flotilla pki init, or name its directory with --dir',
    });
  }
}

/** What the authority in a directory has revoked so far. @throws PkiInvalid */
export function revokedIn(pkiDir: string): ReadonlySet<Serial> {
  return revokedSerials(readList(pkiDir), readAuthorityFile(pkiDir, 'ca.crt'));
}

/** The authority's own revocation list, PEM. @throws PkiInvalid when it is not there */
export function readList(pkiDir: string): string {
  const path = join(pkiDir, IDENTITY_FILES.crl);
  if (existsSync(path)) return readFileSync(path, 'utf8');
  throw new FlotillaError('PkiInvalid', `there is no ${path}`, {
    hint: 'restore it from a copy, or from the newest identity folder: without it, what is revoked would be trusted again',
  });
}
