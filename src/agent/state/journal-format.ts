import { existsSync } from 'node:fs';
import { FlotillaError } from '../../errors.js';
import { checkManagedPath } from '../files/confine.js';
import { readStateFile, statePath } from '../files/fs-atomic.js';

/** A commit that goes forward. Renamed to the other name, it goes back: a rename needs no space on a full disk. */
export const FORWARD = 'journal.json';
export const BACK = 'undo.json';
export const STAGE = 'stage';
/** The new applied record, in the stage. It is put in place last: once it is gone from there, all the rest is done. */
export const NEW_RECORD = 'record';
const FORMAT = 1;

export interface JournalWrite {
  path: string;
  /** The new bytes are `stage/<number>`, the ones before (when `existed`) `stage/old-<number>`. */
  number: number;
  sha256: string;
  mode: number;
  inPlace: boolean;
  createOnly: boolean;
  /** When it was staged. */
  existed: boolean;
}

export interface JournalRemove {
  path: string;
  /** The bytes before are `stage/old-<number>`. */
  number: number;
  /** It is removed only while it is this. */
  sha256: string;
}

/** All that is needed to finish a commit, or to take it back, from whatever point it was interrupted at. */
export interface Journal {
  generation: number;
  /** Parents that were missing, each before those inside it. */
  directories: string[];
  writes: JournalWrite[];
  removes: JournalRemove[];
}

/** Called with a step's name before it is done. What it throws counts as the failure of that step. */
export type OnStep = (name: string) => void;

/** Whether a commit was interrupted: whoever works on the instance next has to recover first. */
export function hasJournal(tenantDir: string): boolean {
  return existsSync(statePath(tenantDir, FORWARD)) || existsSync(statePath(tenantDir, BACK));
}

export function journalText(journal: Journal): string {
  return `${JSON.stringify({ format: FORMAT, ...journal })}\n`;
}

/** null when it is absent. @throws JournalUnreadable */
export function readJournal(tenantDir: string, name: typeof FORWARD | typeof BACK): Journal | null {
  try {
    const text = readStateFile(tenantDir, name);
    return text === null ? null : parseJournal(text);
  } catch (cause) {
    if (cause instanceof FlotillaError && cause.code !== 'PathEscapes') throw cause;
    const path = statePath(tenantDir, name);
    throw new FlotillaError('JournalUnreadable', `the journal of an interrupted commit cannot be read: ${path}`, {
      cause,
      hint: `some files may be new and others old: move it away (mv ${path} ${path}.bad) and reconcile, which compares every file again`,
    });
  }
}

export function stagedPath(tenantDir: string, number: number): string {
  return statePath(tenantDir, STAGE, String(number));
}

export function backupPath(tenantDir: string, number: number): string {
  return statePath(tenantDir, STAGE, `old-${number}`);
}

/** `''` for a file at the top. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function parseJournal(text: string): Journal {
  const { format, ...journal } = JSON.parse(text) as Journal & { format: number };
  const { generation, directories, writes, removes } = journal;
  const numbers = [
    generation,
    ...writes.flatMap(({ number, mode }) => [number, mode]),
    ...removes.map(({ number }) => number),
  ];
  const hashes = [...writes, ...removes].map(({ sha256 }) => sha256);
  const flags = writes.flatMap(({ inPlace, createOnly, existed }) => [inPlace, createOnly, existed]);
  if (
    format !== FORMAT ||
    !numbers.every((number) => Number.isInteger(number) && number >= 0) ||
    !hashes.every((hash) => /^[0-9a-f]{64}$/.test(hash)) ||
    !flags.every((flag) => typeof flag === 'boolean')
  ) {
    throw new Error('not a journal of this format');
  }
  // It was checked when it was written; but whoever can write here must not lead us out.
  for (const path of [...directories, ...writes.map(({ path }) => path), ...removes.map(({ path }) => path)])
    checkManagedPath(path);
  return journal;
}
