import { pathFault } from './path-fault.js';
import type { TreeEntry } from './tree-entry.js';

const LARGEST_FILE_MIB = 16;
const LARGEST_FILE_BYTES = LARGEST_FILE_MIB * 1024 * 1024;

/** Folders of the repository, without a slash at the end; empty for the whole of it. */
export interface Folders {
  manifests: string;
  templates: string;
}

export interface TreeFile {
  path: string;
  oid: string;
  executable: boolean;
  size: number;
}

/** A file of the commit that cannot be used. Whatever it would have said is not known. */
export interface RefusedFile {
  path: string;
  reason: string;
  hint: string;
  /** The template that it belongs to; null for a manifest. */
  template: string | null;
}

export interface TreePlan {
  /** To be written, in the order of the tree. */
  files: TreeFile[];
  refused: RefusedFile[];
}

/** The entries that manifests or templates are read from. Pure. */
export function selectEntries(entries: readonly TreeEntry[], folders: Folders): TreeEntry[] {
  return entries.filter((entry) => placeOf(entry, folders) !== null);
}

/**
 * What of a commit is written, and what is refused: links, submodules, what is too large, and names that cannot be those of
 * files. `sizes` are those of the objects that are there. Pure.
 */
export function planTree(
  selected: readonly TreeEntry[],
  folders: Folders,
  sizes: ReadonlyMap<string, number>,
): TreePlan {
  const plan: TreePlan = { files: [], refused: [] };
  const taken = new Set<string>();
  const directories = new Set(selected.flatMap(({ path }) => parentsOf(path)));
  for (const entry of selected) {
    const size = sizes.get(entry.oid);
    const { path, oid, mode } = entry;
    const fault = faultOf(entry, size) ?? (taken.has(path) || directories.has(path) ? TWICE : null);
    taken.add(path);
    if (fault === null && size !== undefined) plan.files.push({ path, oid, executable: mode === '100755', size });
    else if (fault !== null) {
      plan.refused.push({ path: printable(path), ...fault, template: placeOf(entry, folders)?.template ?? null });
    }
  }
  return plan;
}

/** null for what is neither a manifest nor of a template: by the same rules as in a directory. */
function placeOf({ path, mode }: TreeEntry, folders: Folders): { template: string | null } | null {
  const inTemplates = below(path, folders.templates);
  if (inTemplates !== null) return { template: printable(inTemplates.split('/')[0] ?? '') };
  const inManifests = below(path, folders.manifests);
  if (inManifests === null) return null;
  const names = inManifests.split('/');
  if (names.some((name) => name.startsWith('.') && !isNoName(name))) return null;
  // A link or a submodule may be a directory of manifests.
  return /\.(?:ya?ml|json)$/.test(inManifests) || !isRegular(mode) ? { template: null } : null;
}

function below(path: string, folder: string): string | null {
  if (folder === '') return path;
  return path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : null;
}

type Fault = Pick<RefusedFile, 'reason' | 'hint'>;

const TWICE: Fault = { reason: 'is in the commit twice', hint: 'write the commit again with git itself' };

function faultOf(entry: TreeEntry, size: number | undefined): Fault | null {
  const name = pathFault(entry.path, entry.isUtf8);
  if (name !== null) return { reason: name, hint: 'give it another name' };
  if (entry.mode === '120000') {
    return { reason: 'is a symbolic link, and links are not read from git', hint: 'commit the file itself' };
  }
  if (!isRegular(entry.mode)) {
    return { reason: 'is a submodule, and submodules are not read', hint: 'commit the files themselves' };
  }
  if (size !== undefined && size <= LARGEST_FILE_BYTES) return null;
  return { reason: `is larger than ${LARGEST_FILE_MIB} MiB`, hint: 'keep large files out of manifests and templates' };
}

function isRegular(mode: string): boolean {
  return mode.startsWith('100');
}

function isNoName(name: string): boolean {
  return name === '.' || name === '..' || name === '';
}

function parentsOf(path: string): string[] {
  const parents: string[] = [];
  for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) {
    parents.push(path.slice(0, slash));
  }
  return parents;
}

function printable(path: string): string {
  return path.replace(/\p{C}/gu, '\u{fffd}');
}
