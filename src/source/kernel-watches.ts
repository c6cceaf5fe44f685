import { type FSWatcher, watch } from 'node:fs';
import type { FoundDirectory } from './find-directories.js';

export interface KernelWatches {
  /** From now on exactly these are watched. Whether any of them was not before, or one is no more. */
  arm(directories: ReadonlyMap<string, FoundDirectory>): boolean;
  /** Some cannot be watched: the kernel allows no more, or they may not be read. */
  readonly limited: boolean;
  close(): void;
}

interface Armed extends FoundDirectory {
  watcher: FSWatcher;
}

/** The kernel's watches on directories, each for as long as the same directory is at its path. */
export function createKernelWatches({ onChange }: { onChange: () => void }): KernelWatches {
  const armed = new Map<string, Armed>();
  let limited = false;

  function open(path: string, directory: FoundDirectory): boolean {
    try {
      const one: Armed = { ...directory, watcher: watch(path) };
      armed.set(path, one);
      one.watcher.on('change', (_, name) => {
        if (one.names === null || name === null || one.names.has(String(name))) onChange();
      });
      one.watcher.on('error', () => {
        shut(path);
        limited = true;
        onChange();
      });
      return true;
    } catch (error) {
      // What has just gone is looked for again, and the way there need not be readable; anything else is a limit.
      const code = (error as NodeJS.ErrnoException).code ?? '';
      const isGone = code === 'ENOENT' || code === 'ENOTDIR';
      if (!isGone && (code !== 'EACCES' || directory.names === null)) limited = true;
      return false;
    }
  }

  function shut(path: string): void {
    armed.get(path)?.watcher.close();
    armed.delete(path);
  }

  return {
    arm(directories) {
      limited = false;
      let changed = false;
      for (const [path, { identity }] of armed) {
        if (directories.get(path)?.identity === identity) continue;
        shut(path);
        changed = true;
      }
      for (const [path, directory] of directories) {
        const known = armed.get(path);
        if (known !== undefined) known.names = directory.names;
        else if (open(path, directory)) changed = true;
      }
      return changed;
    },
    get limited() {
      return limited;
    },
    close() {
      for (const path of [...armed.keys()]) shut(path);
    },
  };
}
