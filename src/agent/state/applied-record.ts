import { FlotillaError } from '../../errors.js';
import type { AppliedView } from '../../plan/observed.js';
import { ensureStateDirectory, readStateFile, statePath, writeFileAtomic } from '../files/fs-atomic.js';
import { errnoOf, toHostError } from '../files/host-error.js';

export const RECORD_FILE = 'applied.json';
const FORMAT = 1;

/** A service as it was when the last successful `up` had been verified. */
export interface RecordedService {
  name: string;
  count: number;
  /** A one-shot that had ended well. */
  completed: boolean;
  /** Meant to end, as the compose model says; it may have been running still. Absent in records of before it was noted. */
  oneShot?: boolean;
  imageIds: string[];
  /** Of the containers' config-hash labels. */
  configHashes: string[];
  /** sha256 of the service's definition in the compose file, not interpolated. */
  definition: string;
  /** sha256 of inline config contents and environment-sourced secrets, which compose's own hash leaves out. */
  inline: string;
}

/** `.flotilla/applied.json`: what we last finished applying here. */
export interface AppliedRecord extends AppliedView {
  compose: string[];
  tenantCompose: string[];
  services: RecordedService[];
  /** Of the compose that brought it up: config hashes are not comparable across versions. Empty before the first `up`. */
  composeVersion: string;
}

/** The record, null when nothing was applied here. @throws RecordUnreadable */
export function readRecord(tenantDir: string): AppliedRecord | null {
  let text: string | null;
  try {
    text = readStateFile(tenantDir, RECORD_FILE);
  } catch (error) {
    if (error instanceof FlotillaError) throw error;
    throw unreadable(tenantDir, errnoOf(error) ?? 'it is not a plain file', error);
  }
  return text === null ? null : parseRecord(tenantDir, text);
}

/** Replaces the record in one step; durable when it returns. @throws DiskFull, NotWritable */
export async function writeRecord(tenantDir: string, record: AppliedRecord): Promise<void> {
  try {
    await ensureStateDirectory(tenantDir);
    await writeFileAtomic(statePath(tenantDir, RECORD_FILE), recordText(record), 0o600);
  } catch (error) {
    throw toHostError(error, `write the applied record of ${tenantDir}`);
  }
}

/** The bytes of the file. */
export function recordText(record: AppliedRecord): string {
  return `${JSON.stringify({ format: FORMAT, ...record }, null, 1)}\n`;
}

/** What the controller may know: no container ids, no hashes of configuration. */
export function toAppliedView(record: AppliedRecord): AppliedView {
  const { compose: _, tenantCompose: __, services: ___, composeVersion: ____, ...view } = record;
  return view;
}

function parseRecord(tenantDir: string, text: string): AppliedRecord {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw unreadable(tenantDir, 'it is not JSON', error);
  }
  if (isObject(parsed) && typeof parsed.format === 'number' && parsed.format > FORMAT) {
    throw new FlotillaError(
      'RecordUnreadable',
      `cannot read the applied record ${statePath(tenantDir, RECORD_FILE)}: a newer version of Flotilla wrote it`,
      { hint: 'upgrade this Flotilla to the version that wrote it, or a later one' },
    );
  }
  const wrong = wrongField(parsed, RECORD);
  if (wrong !== undefined) throw unreadable(tenantDir, `its field ${wrong || '(all of it)'} is missing or wrong`);
  const { format: _, ...record } = parsed as AppliedRecord & { format: number };
  return record;
}

type Shape = (value: unknown) => string | undefined;

const text: Shape = (value) => (typeof value === 'string' ? undefined : '');
const whole: Shape = (value) => (Number.isInteger(value) && (value as number) >= 0 ? undefined : '');
const flag: Shape = (value) => (typeof value === 'boolean' ? undefined : '');
const digest: Shape = (value) => (typeof value === 'string' && /^[0-9a-f]{64}$/.test(value) ? undefined : '');
const outcome: Shape = (value) => (value === 'committed' || value === 'verified' ? undefined : '');
const orNull =
  (shape: Shape): Shape =>
  (value) =>
    value === null ? undefined : shape(value);
const orAbsent =
  (shape: Shape): Shape =>
  (value) =>
    value === undefined ? undefined : shape(value);
const object =
  (fields: Record<string, Shape>): Shape =>
  (value) =>
    wrongField(value, fields);
const list =
  (shape: Shape): Shape =>
  (value) => {
    if (!Array.isArray(value)) return '';
    for (const [index, item] of value.entries()) {
      const wrong = shape(item);
      if (wrong !== undefined) return join(`${index}`, wrong);
    }
    return undefined;
  };

const RECORD: Record<string, Shape> = {
  generation: whole,
  revision: text,
  imageTag: text,
  digest: text,
  template: text,
  files: list(object({ path: text, sha256: digest, mode: whole, createOnly: flag })),
  outcome,
  unfinished: orNull(object({ files: list(text), services: list(text) })),
  appliedAt: text,
  lastFailure: orNull(object({ at: text, code: text, phase: text, message: text, imageTag: text })),
  hold: orNull(object({ digest: text, imageTag: text, at: text })),
  project: text,
  compose: list(text),
  tenantCompose: list(text),
  services: list(
    object({
      name: text,
      count: whole,
      completed: flag,
      oneShot: orAbsent(flag),
      imageIds: list(text),
      configHashes: list(text),
      definition: text,
      inline: text,
    }),
  ),
  composeVersion: text,
};

/** The dotted path of the first field that is not as it should be. */
function wrongField(value: unknown, fields: Record<string, Shape>): string | undefined {
  if (!isObject(value)) return '';
  for (const [name, shape] of Object.entries(fields)) {
    const wrong = shape(value[name]);
    if (wrong !== undefined) return join(name, wrong);
  }
  return undefined;
}

function join(name: string, rest: string): string {
  return rest === '' ? name : `${name}.${rest}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unreadable(tenantDir: string, why: string, cause?: unknown): FlotillaError {
  const path = statePath(tenantDir, RECORD_FILE);
  return new FlotillaError('RecordUnreadable', `cannot read the applied record ${path}: ${why}`, {
    cause,
    hint: `restore it from a backup, or move it away (mv ${path} ${path}.bad): the instance is then adopted as it is`,
  });
}
