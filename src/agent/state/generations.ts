import { existsSync, readdirSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Generation } from '../../agent-client/tenant-driver.js';
import { FlotillaError } from '../../errors.js';
import type { DesiredTenant } from '../../plan/plan.js';
import type { FileEntry, RenderedFile } from '../../render/file-set.js';
import { checkManagedPath } from '../files/confine.js';
import { sha256Of } from '../files/file-hash.js';
import {
  ensureStateDirectory,
  replaceDirectory,
  statePath,
  syncDirectory,
  writeFileAtomic,
  writeNew,
} from '../files/fs-atomic.js';
import { errnoOf, toHostError } from '../files/host-error.js';

const GENERATIONS = 'generations';
const META = 'generation.json';
const FILES = 'files';

/** `.flotilla/generations/<n>/generation.json`: what a kept file set is. */
export interface GenerationMeta {
  tenant: DesiredTenant;
  /** ISO 8601, UTC. */
  committedAt: string;
  /** Why it was applied, such as `update v1.0.0 -> v1.1.0`. */
  cause: string;
  outcome: Generation['outcome'];
}

/**
 * Keeps a file set for rollback, whole or not at all, replacing one of the same number (of an apply that went no further).
 * CreateOnly files are left out: they are the tenant's own. @throws DiskFull, NotWritable
 */
export async function keepGeneration(
  tenantDir: string,
  number: number,
  meta: GenerationMeta,
  files: readonly RenderedFile[],
): Promise<void> {
  const temporary = statePath(tenantDir, GENERATIONS, `.tmp-${number}`);
  try {
    await ensureStateDirectory(tenantDir);
    await mkdir(dirname(temporary), { recursive: true, mode: 0o700 });
    await rm(temporary, { recursive: true, force: true });
    await mkdir(join(temporary, FILES), { recursive: true, mode: 0o700 });
    await writeFiles(
      join(temporary, FILES),
      files.filter((file) => file.ownership === 'Managed'),
    );
    await writeNew(join(temporary, META), metaText(meta), { mode: 0o600 });
    await syncDirectory(temporary);
    await replaceDirectory(temporary, directoryOf(tenantDir, number));
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    throw toHostError(error, `keep the file set in ${statePath(tenantDir, GENERATIONS)}`);
  }
}

/** Whether there is such a file set: an operator may have cleared them away. */
export function isKept(tenantDir: string, number: number): boolean {
  return existsSync(join(directoryOf(tenantDir, number), META));
}

/** The greatest number of a kept file set, 0 when there is none. It outlives a record that was moved away. */
export function newestKept(tenantDir: string): number {
  return numbersIn(statePath(tenantDir, GENERATIONS))[0] ?? 0;
}

/** The kept file sets, newest first; those that cannot be read are left out. @param live the applied record's generation */
export async function listGenerations(tenantDir: string, live: number): Promise<Generation[]> {
  const found: Generation[] = [];
  for (const number of numbersIn(statePath(tenantDir, GENERATIONS))) {
    const meta = await readMeta(tenantDir, number).catch(() => null);
    if (meta === null) continue;
    const { tenant, committedAt, cause, outcome } = meta;
    const { revision, imageTag, digest } = tenant;
    found.push({ number, revision, imageTag, digest, committedAt, cause, outcome, live: number === live });
  }
  return found;
}

/**
 * One kept file set with its bytes, checked against its hashes. `files` are the managed ones, sorted by path.
 * @throws GenerationNotFound when it is not kept, or damaged
 */
export async function readGeneration(
  tenantDir: string,
  number: number,
): Promise<{ meta: GenerationMeta; files: RenderedFile[] }> {
  const meta = await readMeta(tenantDir, number);
  const files: RenderedFile[] = [];
  for (const entry of meta.tenant.files) {
    if (entry.ownership !== 'Managed') continue;
    checkManagedPath(entry.path);
    const content = await readFile(join(directoryOf(tenantDir, number), FILES, entry.path)).catch((cause: unknown) => {
      throw damaged(tenantDir, number, `${entry.path} cannot be read`, cause);
    });
    if (sha256Of(content) !== entry.sha256) throw damaged(tenantDir, number, `${entry.path} is not what was kept`);
    files.push({ ...entry, content });
  }
  return { meta, files };
}

/** Notes how it went. @throws GenerationNotFound, DiskFull, NotWritable */
export async function markGeneration(tenantDir: string, number: number, outcome: Generation['outcome']): Promise<void> {
  const meta = await readMeta(tenantDir, number);
  if (meta.outcome === outcome) return;
  try {
    await writeFileAtomic(join(directoryOf(tenantDir, number), META), metaText({ ...meta, outcome }), 0o600);
  } catch (error) {
    throw toHostError(error, `note the outcome of file set ${number} in ${statePath(tenantDir, GENERATIONS)}`);
  }
}

/** Forgets one file set: that of a commit which came to nothing. */
export async function forgetGeneration(tenantDir: string, number: number): Promise<void> {
  await rm(directoryOf(tenantDir, number), { recursive: true, force: true });
}

/** Forgets all but the live file set and the newest `keep` others. */
export async function pruneGenerations(tenantDir: string, live: number, keep = 5): Promise<void> {
  const others = numbersIn(statePath(tenantDir, GENERATIONS)).filter((number) => number !== live);
  for (const number of others.slice(keep)) await rm(directoryOf(tenantDir, number), { recursive: true, force: true });
}

/** Names that are plain numbers, greatest first; none when there is no such directory. */
export function numbersIn(directory: string): number[] {
  if (!existsSync(directory)) return [];
  const names = readdirSync(directory).filter((name) => /^[1-9]\d{0,14}$/.test(name));
  return names.map(Number).sort((a, b) => b - a);
}

async function writeFiles(directory: string, files: readonly RenderedFile[]): Promise<void> {
  const directories = new Set([directory]);
  for (const file of files) {
    checkManagedPath(file.path);
    const path = join(directory, file.path);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    for (let parent = dirname(path); parent !== directory; parent = dirname(parent)) directories.add(parent);
    await writeNew(path, file.content, { mode: 0o600 });
  }
  for (const path of directories) await syncDirectory(path);
}

async function readMeta(tenantDir: string, number: number): Promise<GenerationMeta> {
  let text: string;
  try {
    text = await readFile(join(directoryOf(tenantDir, number), META), 'utf8');
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw damaged(tenantDir, number, `${META} cannot be read`, error);
    throw new FlotillaError('GenerationNotFound', `file set ${number} is not kept in ${tenantDir}`, {
      hint: 'the live one and the last five others are kept: choose one that is listed (flotilla generations)',
    });
  }
  try {
    const meta = JSON.parse(text) as GenerationMeta;
    if (isMeta(meta)) return meta;
  } catch (error) {
    throw damaged(tenantDir, number, `${META} is not JSON`, error);
  }
  throw damaged(tenantDir, number, `${META} is incomplete`);
}

/** What is read of it here; the rest was checked when it was planned. */
function isMeta(meta: GenerationMeta | null): boolean {
  const tenant = meta?.tenant;
  const texts = [
    meta?.committedAt,
    meta?.cause,
    meta?.outcome,
    tenant?.slug,
    tenant?.revision,
    tenant?.imageTag,
    tenant?.digest,
  ];
  return texts.every((text) => typeof text === 'string') && Array.isArray(tenant?.files) && tenant.files.every(isEntry);
}

function isEntry(entry: FileEntry | null): boolean {
  const texts = [entry?.path, entry?.sha256, entry?.ownership];
  return (
    texts.every((text) => typeof text === 'string') && Number.isInteger(entry?.mode) && Number.isInteger(entry?.size)
  );
}

function directoryOf(tenantDir: string, number: number): string {
  return statePath(tenantDir, GENERATIONS, String(number));
}

function metaText(meta: GenerationMeta): string {
  return `${JSON.stringify(meta, null, 1)}\n`;
}

function damaged(tenantDir: string, number: number, why: string, cause?: unknown): FlotillaError {
  return new FlotillaError('GenerationNotFound', `the kept file set ${number} in ${tenantDir} is damaged: ${why}`, {
    cause,
    hint: 'choose another one (flotilla generations), or revert the commit in git',
  });
}
