import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

/** A directory to be watched. */
export interface FoundDirectory {
  /** Device, inode and birth: another directory at the same path is another one, also where it got the inode of the one before. */
  identity: string;
  /** Only changes of these names matter: the way to a directory that is watched goes through them. null: any change. */
  names: ReadonlySet<string> | null;
}

export interface FoundDirectories {
  /** By path. */
  watched: ReadonlyMap<string, FoundDirectory>;
  /** Whether one of the directories that were asked for is not there. */
  missing: boolean;
}

/**
 * Every directory below the given ones but `.git`, and those on the way to them by name: there a link or a directory may be
 * replaced by another. Links below are not followed: what lies inside the directory is found without them, and the
 * rest is not read.
 */
export async function findDirectories(directories: readonly string[]): Promise<FoundDirectories> {
  const names = new Map<string, Set<string> | null>();
  let missing = false;
  for (const directory of directories) {
    for (const { parent, name } of wayTo(resolve(directory))) addName(names, parent, name);
    const real = await realpath(directory).catch(() => null);
    if (real === null || !(await isDirectory(real))) missing = true;
    else for await (const found of directoriesBelow(real)) names.set(found, null);
  }
  const watched = new Map<string, FoundDirectory>();
  for (const [path, wanted] of names) {
    const identity = await identify(path);
    if (identity !== null) watched.set(path, { identity, names: wanted });
  }
  return { watched, missing };
}

/** Each step from the root of the file system: a directory, and the name in it that is followed next. */
function* wayTo(path: string): Generator<{ parent: string; name: string }> {
  for (let at = path; at !== dirname(at); at = dirname(at)) yield { parent: dirname(at), name: basename(at) };
}

function addName(names: Map<string, Set<string> | null>, directory: string, name: string): void {
  const known = names.get(directory);
  if (known === null) return;
  if (known === undefined) names.set(directory, new Set([name]));
  else known.add(name);
}

async function* directoriesBelow(directory: string): AsyncGenerator<string> {
  yield directory;
  const entries: Dirent[] = await readdir(directory, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (entry.isDirectory() && entry.name !== '.git') yield* directoriesBelow(join(directory, entry.name));
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

async function identify(path: string): Promise<string | null> {
  return stat(path, { bigint: true }).then(
    (found) => (found.isDirectory() ? `${found.dev}:${found.ino}:${found.birthtimeNs}` : null),
    () => null,
  );
}
