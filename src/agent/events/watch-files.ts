import { basename } from 'node:path';
import { createDirectoryWatches, type EntryChange } from './directory-watches.js';
import { isPlain, type ObservedInstance } from './observed-instances.js';
import { createPlacedFiles } from './placed-files.js';
import { createRoot, filesBelow, type WatchedDirectory, type WatchedFile } from './watched-tree.js';

export interface FileWatcher {
  /** Watches the instance's managed paths from now on, and none that it had before. */
  watch(instance: Pick<ObservedInstance, 'slug' | 'directory' | 'paths'>): void;
  forget(slug: string): void;
  close(): void;
}

export interface FileWatchOptions {
  /** A managed file was written, replaced, removed or made, or its mode was changed: perhaps by ourselves. */
  onChange: (slug: string, path: string) => void;
  /** Not all can be watched: the kernel or `maxDirectories` allows no more. Called now, and again and again while it lasts. */
  onTrouble: () => void;
  maxDirectories?: number;
  /** How often it is tried again to watch the rest. */
  retryMs?: number;
}

/** What a save consists of (truncate, write, rename, chmod) comes within it, and is one change. */
const HOLD_MS = 50;

/**
 * Watches managed files by the directories that hold them, from the host's root down: so a replaced file, a file that was
 * missing, and a directory that is made later are all seen, and any other file in them costs one look-up of its name.
 * Contents are never read. Changes that the kernel drops (an overflow of inotify's queue) are left to the next sweep.
 */
export function createFileWatcher(rootPath: string, options: FileWatchOptions): FileWatcher {
  const { onChange, onTrouble, maxDirectories = 50_000, retryMs = 60_000 } = options;
  const root = createRoot(rootPath);
  const watches = createDirectoryWatches({ onEntry, onLimit: degrade, maxDirectories });
  const placed = createPlacedFiles(root, { onDrop: (file) => clearTimeout(file.timer), onEmpty: watches.disarm });
  let retry: NodeJS.Timeout | undefined;

  function onEntry(directory: WatchedDirectory, change: EntryChange, name: string | null): void {
    const file = name === null ? undefined : directory.files.get(name);
    const child = name === null ? undefined : directory.directories.get(name);
    if (name === null) holdAll(directory);
    if (file !== undefined) hold(file);
    if (child !== undefined) reopen(child, change);
    // The root has no parent that would tell that it is gone; the kernel tells it by its own name.
    if (directory === root && change === 'rename' && name === basename(root.path)) lookAtRoot();
  }

  function reopen(directory: WatchedDirectory, change: EntryChange): void {
    // Even where it looks like the same: a new directory may have the inode of the removed one.
    const removed = change === 'rename' && directory.open !== null;
    if (removed) watches.disarm(directory);
    if (watches.arm(directory) || removed) holdAll(directory);
  }

  function lookAtRoot(): void {
    if (watches.arm(root) || root.open === null) degrade();
  }

  /** From the first change on: a file that is written all the time is told all the time. */
  function hold(file: WatchedFile): void {
    file.timer ??= setTimeout(() => {
      file.timer = undefined;
      onChange(file.slug, file.path);
    }, HOLD_MS);
  }

  function holdAll(directory: WatchedDirectory): void {
    for (const file of filesBelow(directory)) hold(file);
  }

  function degrade(): void {
    if (retry !== undefined) return;
    onTrouble();
    retry = setTimeout(recover, retryMs).unref();
  }

  function recover(): void {
    retry = undefined;
    watches.arm(root);
    if (root.open === null) degrade();
    // Even where all is watched again: what happened meanwhile was not seen.
    else if (retry === undefined) onTrouble();
  }

  return {
    watch({ slug, directory, paths }) {
      const instance = placed.place(slug, directory, [...paths].filter(isPlain));
      for (const each of above(instance)) if (each.open === null) watches.arm(each);
      watches.arm(instance);
      if (root.open === null) degrade();
    },
    forget: placed.drop,
    close() {
      clearTimeout(retry);
      placed.clear();
      watches.disarm(root);
    },
  };
}

/** From the root down. */
function above({ parent }: WatchedDirectory): WatchedDirectory[] {
  return parent === null ? [] : [...above(parent), parent];
}
