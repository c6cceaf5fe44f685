import { watch } from 'node:fs';
import { errnoOf } from '../files/host-error.js';
import { identifyDirectory } from './watchable-directory.js';
import type { WatchedDirectory } from './watched-tree.js';

/** `rename`: the name was made, removed or moved; `change`: what it names was written, or its mode was changed. */
export type EntryChange = 'rename' | 'change';

export interface DirectoryWatches {
  /**
   * Watches what is at the path now, and what is below it. Whether something was watched before or is to be now, and it
   * is not the same.
   */
  arm(directory: WatchedDirectory): boolean;
  disarm(directory: WatchedDirectory): void;
}

export interface DirectoryWatchOptions {
  /** `name` is null when the kernel does not say which one. */
  onEntry: (directory: WatchedDirectory, change: EntryChange, name: string | null) => void;
  /** The directory is not watched: the kernel or `maxDirectories` allows no more. */
  onLimit: () => void;
  maxDirectories: number;
}

const LIMITS = new Set(['ENOSPC', 'EMFILE', 'ENFILE', 'ENOMEM']);

/** The kernel's watches on the directories of a tree: one each, as long as it exists. */
export function createDirectoryWatches({ onEntry, onLimit, maxDirectories }: DirectoryWatchOptions): DirectoryWatches {
  let opened = 0;

  function arm(directory: WatchedDirectory): boolean {
    const identity = identifyDirectory(directory.path, directory.within);
    const same = identity !== null && identity === directory.open?.identity;
    const changed = !same && (identity !== null || directory.open !== null);
    if (!same) disarm(directory);
    if (!same && identity !== null) open(directory, identity);
    // After it was opened: what is made below meanwhile is told.
    if (directory.open !== null) for (const child of directory.directories.values()) arm(child);
    return changed;
  }

  function open(directory: WatchedDirectory, identity: string): void {
    if (opened >= maxDirectories) {
      onLimit();
      return;
    }
    try {
      const watcher = watch(directory.path, (change, name) => onEntry(directory, change, name));
      watcher.on('error', () => {
        close(directory);
        onLimit();
      });
      directory.open = { identity, watcher };
      opened += 1;
    } catch (error) {
      // Any other error: it went away meanwhile, or may not be read. Observing the instance says so.
      if (LIMITS.has(errnoOf(error) ?? '')) onLimit();
    }
  }

  function close(directory: WatchedDirectory): void {
    if (directory.open === null) return;
    directory.open.watcher.close();
    directory.open = null;
    opened -= 1;
  }

  function disarm(directory: WatchedDirectory): void {
    close(directory);
    for (const child of directory.directories.values()) disarm(child);
  }

  return { arm, disarm };
}
