import type { FSWatcher } from 'node:fs';

/** A managed file, and where it is in the tree. */
export interface WatchedFile {
  slug: string;
  /** Relative to the instance. */
  path: string;
  directory: WatchedDirectory;
  name: string;
  /** Runs while a change is being held back. */
  timer: NodeJS.Timeout | undefined;
}

/** A directory on the way from the host's root to managed files. It need not exist. */
export interface WatchedDirectory {
  path: string;
  name: string;
  parent: WatchedDirectory | null;
  /** The directory that a symbolic link at the path must not lead out of: the host's root, or the instance. */
  within: string;
  directories: Map<string, WatchedDirectory>;
  files: Map<string, WatchedFile>;
  /** What is being watched at the path; null when there is nothing, or nothing that may be watched. */
  open: { identity: string; watcher: FSWatcher } | null;
}

export function createRoot(path: string): WatchedDirectory {
  return createDirectory({ path, name: '', parent: null, within: path });
}

/** The directory of these names below `start`, made where it is not in the tree yet; links on the way stay below `start`. */
export function placeDirectory(start: WatchedDirectory, names: readonly string[]): WatchedDirectory {
  let parent = start;
  for (const name of names) {
    let next = parent.directories.get(name);
    next ??= createDirectory({ path: `${parent.path}/${name}`, name, parent, within: start.path });
    parent.directories.set(name, next);
    parent = next;
  }
  return parent;
}

/** Takes the file out, and each directory that no file is below any more. @param onEmpty is given those directories */
export function removeFile(file: WatchedFile, onEmpty: (directory: WatchedDirectory) => void): void {
  const { directory, name } = file;
  if (directory.files.get(name) === file) directory.files.delete(name);
  for (let empty = directory; isEmpty(empty) && empty.parent !== null; empty = empty.parent) {
    onEmpty(empty);
    empty.parent.directories.delete(empty.name);
  }
}

/** Every managed file in or below the directory. */
export function* filesBelow(directory: WatchedDirectory): Generator<WatchedFile> {
  yield* directory.files.values();
  for (const child of directory.directories.values()) yield* filesBelow(child);
}

function isEmpty(directory: WatchedDirectory): boolean {
  return directory.files.size === 0 && directory.directories.size === 0;
}

function createDirectory(at: Pick<WatchedDirectory, 'path' | 'name' | 'parent' | 'within'>): WatchedDirectory {
  return { ...at, directories: new Map(), files: new Map(), open: null };
}
