import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FlotillaError } from '../errors.js';
import { appendLines } from './private-files.js';
import type { Subject } from './role.js';
import type { Serial } from './serial.js';

/** One line of the index of all that an authority has issued. */
export interface Issued extends Subject {
  serial: Serial;
  /** As `--san` takes them. */
  sans: readonly string[];
  /** ISO 8601. */
  notBefore: string;
  notAfter: string;
}

const FILE = 'issued.jsonl';

/** Everything that was ever issued, oldest first. @throws PkiInvalid when a line cannot be read */
export function readIssued(pkiDir: string): Issued[] {
  const path = join(pkiDir, FILE);
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.flatMap((line, at) => (line.trim() === '' ? [] : [parseLine(line, path, at + 1)]));
}

/** Adds a line, before the certificate is handed out: what is not in the index could not be revoked by name. */
export function appendIssued(pkiDir: string, { serial, role, name, sans, notBefore, notAfter }: Issued): void {
  appendLines(join(pkiDir, FILE), [JSON.stringify({ serial, role, name, sans, notBefore, notAfter })]);
}

function parseLine(line: string, path: string, number: number): Issued {
  try {
    const entry = JSON.parse(line) as Issued;
    const texts = [entry.serial, entry.role, entry.name, entry.notBefore, entry.notAfter];
    if (texts.every((text) => typeof text === 'string') && Array.isArray(entry.sans)) return entry;
  } catch {
    // Told below.
  }
  throw new FlotillaError('PkiInvalid', `line ${number} of ${path} cannot be read`, {
    hint: 'restore the file from a copy, or mend the line: what it says can no longer be revoked by name',
  });
}
