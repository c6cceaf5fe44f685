import type { Stats } from 'node:fs';
import { access, chmod, constants, copyFile, type FileHandle, link, lstat, mkdir, open, rm } from 'node:fs/promises';
import { FlotillaError } from '../../errors.js';
import { confinePath } from '../files/confine.js';
import { requireRegular } from '../files/confined-file.js';
import { sha256Of } from '../files/file-hash.js';
import { ensureStateDirectory, giveTo, statePath, syncDirectory, writeNew } from '../files/fs-atomic.js';
import { errnoOf, toHostError } from '../files/host-error.js';
import { mountOf, type OpenDirectories, within } from '../files/open-directories.js';
import { type AppliedRecord, recordText } from './applied-record.js';
import {
  backupPath,
  type Journal,
  type JournalRemove,
  type JournalWrite,
  NEW_RECORD,
  nameOf,
  type OnStep,
  parentOf,
  STAGE,
  stagedPath,
} from './journal-format.js';

export interface CommitWrite {
  path: string;
  content: Buffer;
  /** Permission bits. */
  mode: number;
  /** Into the inode that is there, for readers that hold on to it (single-file mounts). */
  inPlace: boolean;
  /** Never over a file that is there. */
  createOnly: boolean;
}

/** A change of an instance's file set. No path twice. */
export interface Commit {
  generation: number;
  writes: readonly CommitWrite[];
  /** Removed only while their bytes are these. */
  removes: readonly { path: string; sha256: string }[];
  /** Becomes the applied record together with the files; its outcome is then `committed`. */
  record: AppliedRecord;
}

interface Staging {
  tenantDir: string;
  directories: OpenDirectories;
  /** Parents of managed paths that were looked at. */
  checked: Set<string>;
  /** The mount that the stage is in. */
  mount: string;
  /** Of directories that were asked before. */
  mounts: Map<FileHandle, string>;
  step: OnStep;
}

/** What is where a file shall go. */
interface Target {
  /** The nearest directory that exists. */
  parent: FileHandle;
  /** Directories between that and the file, outermost first. */
  missing: string[];
  stat: Stats | null;
}

/** Puts everything that a commit needs into the stage, durably. Outside of `.flotilla` nothing is touched. */
export async function fillStage(
  tenantDir: string,
  commit: Commit,
  directories: OpenDirectories,
  step: OnStep,
): Promise<Journal> {
  await ensureStateDirectory(tenantDir);
  const stage = statePath(tenantDir, STAGE);
  await rm(stage, { recursive: true, force: true });
  await mkdir(stage, { mode: 0o700 });
  const handle = await open(stage, constants.O_RDONLY);
  const mount = await mountOf(handle).finally(() => handle.close());
  const staging: Staging = { tenantDir, directories, checked: new Set(), mount, mounts: new Map(), step };
  const journal: Journal = { generation: commit.generation, directories: [], writes: [], removes: [] };
  for (const [number, write] of commit.writes.entries()) await stageWrite(staging, journal, number, write);
  for (const [index, remove] of commit.removes.entries())
    await stageRemove(staging, journal, commit.writes.length + index, remove);
  journal.directories = [...new Set(journal.directories)];
  await stageRecord(tenantDir, commit, step);
  step('sync the stage');
  await syncDirectory(stage);
  await syncDirectory(statePath(tenantDir));
  return journal;
}

async function stageWrite(staging: Staging, journal: Journal, number: number, write: CommitWrite): Promise<void> {
  const { path, content, mode, inPlace, createOnly } = write;
  const { tenantDir, step } = staging;
  try {
    const target = await lookAt(staging, path);
    if (createOnly && target.stat !== null) return;
    await requireWritable(target, path, inPlace);
    step(`stage ${path}`);
    const owner = target.stat ?? (process.getuid?.() === 0 ? await target.parent.stat() : undefined);
    await writeNew(stagedPath(tenantDir, number), content, { mode, ...(owner && { owner }) });
    step(`back up ${path}`);
    if (target.stat)
      await backUp(within(target.parent, nameOf(path)), backupPath(tenantDir, number), target.stat, inPlace);
    journal.directories.push(...target.missing);
    journal.writes.push({
      path,
      number,
      sha256: sha256Of(content),
      mode,
      inPlace,
      createOnly,
      existed: target.stat !== null,
    } satisfies JournalWrite);
  } catch (error) {
    throw toHostError(error, `write ${path} in ${tenantDir}`);
  }
}

async function stageRemove(
  staging: Staging,
  journal: Journal,
  number: number,
  remove: { path: string; sha256: string },
): Promise<void> {
  const { path, sha256 } = remove;
  try {
    const target = await lookAt(staging, path);
    if (target.stat === null) return;
    await requireWritable(target, path, false);
    staging.step(`back up ${path}`);
    await backUp(within(target.parent, nameOf(path)), backupPath(staging.tenantDir, number), target.stat, false);
    journal.removes.push({ path, number, sha256 } satisfies JournalRemove);
  } catch (error) {
    throw toHostError(error, `remove ${path} in ${staging.tenantDir}`);
  }
}

async function stageRecord(tenantDir: string, commit: Commit, step: OnStep): Promise<void> {
  step('stage the record');
  const record: AppliedRecord = { ...commit.record, generation: commit.generation, outcome: 'committed' };
  await writeNew(statePath(tenantDir, STAGE, NEW_RECORD), recordText(record), { mode: 0o600 });
}

/** @throws PathEscapes; NotWritable when something else than a file is there */
async function lookAt({ tenantDir, directories, checked, mount, mounts }: Staging, path: string): Promise<Target> {
  confinePath(tenantDir, path, checked);
  const missing: string[] = [];
  let directory = parentOf(path);
  let parent = await directories.get(directory);
  for (; parent === null; parent = await directories.get(directory)) {
    missing.unshift(directory);
    if (directory === '') throw new FlotillaError('NotWritable', `${tenantDir} does not exist`);
    directory = parentOf(directory);
  }
  if (!mounts.has(parent)) mounts.set(parent, await mountOf(parent));
  if (mounts.get(parent) !== mount) throw Object.assign(new Error('another mount'), { code: 'EXDEV' });
  const stat = missing.length > 0 ? null : await lstatOrNull(within(parent, nameOf(path)));
  if (stat) requireRegular(stat, tenantDir, path);
  return { parent, missing, stat };
}

/** Asks before anything is touched. What this cannot see makes the commit fail, and be taken back. */
async function requireWritable({ parent, stat }: Target, path: string, inPlace: boolean): Promise<void> {
  await access(within(parent, '.'), constants.W_OK | constants.X_OK);
  if (stat === null) return;
  await access(within(parent, nameOf(path)), constants.W_OK).catch((error: unknown) => {
    // A read-only file can be replaced by rename; an immutable one (EPERM) cannot.
    if (inPlace || errnoOf(error) !== 'EACCES') throw error;
  });
}

/** Keeps the inode itself where its name will be given to another; a copy where its bytes will be written over. */
async function backUp(from: string, to: string, stat: Stats, overwritten: boolean): Promise<void> {
  if (!overwritten) {
    try {
      return await link(from, to);
    } catch (error) {
      if (!['EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'EACCES'].includes(errnoOf(error) ?? '')) throw error;
    }
  }
  await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  await chmod(to, 0o600);
  const handle = await open(to, constants.O_RDWR);
  try {
    await giveTo(handle, stat);
    await handle.chmod(stat.mode & 0o7777);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function lstatOrNull(path: string): Promise<Stats | null> {
  try {
    return await lstat(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}
