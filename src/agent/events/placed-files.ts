import { placeDirectory, removeFile, type WatchedDirectory, type WatchedFile } from './watched-tree.js';

/** Which files of the tree belong to which instance. */
export interface PlacedFiles {
  /** Puts the instance's files into the tree in place of those that it had; gives the instance's directory. */
  place(slug: string, directory: string, paths: readonly string[]): WatchedDirectory;
  drop(slug: string): void;
  clear(): void;
}

interface Options {
  onDrop: (file: WatchedFile) => void;
  /** No file is in or below it any more. */
  onEmpty: (directory: WatchedDirectory) => void;
}

export function createPlacedFiles(root: WatchedDirectory, { onDrop, onEmpty }: Options): PlacedFiles {
  const bySlug = new Map<string, { directory: string; files: ReadonlyMap<string, WatchedFile> }>();

  function remove(file: WatchedFile): void {
    onDrop(file);
    removeFile(file, onEmpty);
  }

  function drop(slug: string): void {
    for (const file of bySlug.get(slug)?.files.values() ?? []) remove(file);
    bySlug.delete(slug);
  }

  return {
    place(slug, directory, paths) {
      const before = bySlug.get(slug);
      const kept = before?.directory === directory ? before.files : undefined;
      const instance = placeDirectory(root, directory.split('/'));
      const files = new Map(paths.map((path) => [path, kept?.get(path) ?? placeFile(instance, slug, path)]));
      bySlug.set(slug, { directory, files });
      // Only now: a directory that still holds something stays watched.
      for (const file of before?.files.values() ?? []) if (files.get(file.path) !== file) remove(file);
      return instance;
    },
    drop,
    clear() {
      for (const slug of [...bySlug.keys()]) drop(slug);
    },
  };
}

function placeFile(instance: WatchedDirectory, slug: string, path: string): WatchedFile {
  const names = path.split('/');
  const name = names.pop() as string;
  const directory = placeDirectory(instance, names);
  const file: WatchedFile = { slug, path, directory, name, timer: undefined };
  directory.files.set(name, file);
  return file;
}
