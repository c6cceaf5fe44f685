import { hash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { FlotillaError } from '../../errors.js';
import { createManifestCache } from '../../manifest/load.js';
import { type LoadedState, loadSnapshot } from '../load-snapshot.js';
import type { GitNames } from './git-failure.js';
import { holdRefused } from './hold-refused.js';
import type { Objects } from './objects.js';
import { type Folders, planTree, selectEntries, type TreePlan } from './plan-tree.js';
import type { TreeEntry } from './tree-entry.js';
import { createTreeWriter } from './tree-writer.js';

const MOST_BYTES = 256 * 1024 * 1024;

export interface CommitReader {
  /**
   * Desired state as one commit has it; the same object as before when its manifests and templates are the same.
   * @throws FlotillaError SourceUnreadable, TimedOut, Cancelled; DamagedClone
   */
  read(commit: string, objects: Objects): Promise<LoadedState>;
}

/**
 * Writes manifests and templates of a commit into a directory of their own and loads them from there, as it is done with
 * any directory. The paths stay the same from commit to commit, so that only what changed is written and parsed.
 */
export function createCommitReader(directory: string, folders: Folders, names: GitNames): CommitReader {
  const writer = createTreeWriter(directory);
  const cache = createManifestCache();
  let sizes: ReadonlyMap<string, number> = new Map();
  let last: { key: string; loaded: LoadedState } | null = null;

  return {
    async read(commit, objects) {
      // Beside each other, as each takes a process; of a folder that is not there, the list says so better.
      const missing = objects.missing(commit, folders);
      missing.catch(() => undefined);
      const listed = await objects.list(commit, folders);
      const entries = selectEntries(listed, folders);
      const key = hash('sha256', JSON.stringify(entries));
      if (last?.key === key) return last.loaded;
      for (const folder of [folders.manifests, folders.templates]) checkFolder(folder, listed, names);
      sizes = await sizesOf(entries, sizes, await missing, objects.sizes);
      const plan = planTree(entries, folders, sizes);
      checkTotal(plan, names);
      await writeTree(() => writer.write(plan.files, objects.read), names);
      const [manifests, templates] = [folders.manifests || '.', folders.templates || '.'];
      for (const folder of [manifests, templates]) mkdirSync(join(directory, folder), { recursive: true });
      const loaded = await loadSnapshot({ manifests, templates, root: directory, cache });
      last = { key, loaded: holdRefused(loaded, plan.refused) };
      return last.loaded;
    },
  };
}

/** A folder that is not there is a mistake of the configuration or of the commit, and no empty fleet. */
function checkFolder(folder: string, entries: readonly TreeEntry[], { url, ref }: GitNames): void {
  if (folder === '' || entries.some(({ path }) => path.startsWith(`${folder}/`))) return;
  throw new FlotillaError('SourceUnreadable', `${ref} of ${url} has nothing in the folder ${folder}`, {
    hint: 'commit it, or name another folder in the configuration',
  });
}

/** Only objects that were not there before are asked for. */
async function sizesOf(
  entries: readonly TreeEntry[],
  known: ReadonlyMap<string, number>,
  missing: ReadonlySet<string>,
  ask: (oids: readonly string[]) => Promise<ReadonlyMap<string, number>>,
): Promise<ReadonlyMap<string, number>> {
  const wanted = new Set(entries.flatMap(({ mode, oid }) => (mode.startsWith('100') ? [oid] : [])));
  const asked = await ask([...wanted].filter((oid) => !known.has(oid) && !missing.has(oid)));
  const sized = [...wanted].map((oid) => [oid, asked.get(oid) ?? known.get(oid)] as const);
  return new Map(sized.filter((each): each is [string, number] => each[1] !== undefined));
}

function checkTotal({ files }: TreePlan, { url }: GitNames): void {
  const total = files.reduce((sum, { size }) => sum + size, 0);
  if (total <= MOST_BYTES) return;
  const message = `manifests and templates of ${url} hold more than ${MOST_BYTES / 1024 / 1024} MiB`;
  throw new FlotillaError('SourceUnreadable', message, { hint: 'name narrower folders, or split the fleet' });
}

async function writeTree(write: () => Promise<void>, { url }: GitNames): Promise<void> {
  try {
    await write();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException | null)?.code;
    if (cause instanceof FlotillaError || (cause as NodeJS.ErrnoException | null)?.syscall === undefined) throw cause;
    const reason = code === 'ENOSPC' || code === 'EDQUOT' ? 'no space is left' : code;
    throw new FlotillaError('SourceUnreadable', `files of ${url} cannot be written (${reason})`, {
      cause,
      hint: 'check the state directory of the daemon, and the room on its disk',
    });
  }
}
