import { watch as watchPath } from 'node:fs';
import { watch } from 'chokidar';
import type { FoundDirectory } from './find-directories.js';

export interface DirectoryWatches {
  /** From now on exactly these are watched. Whether any of them was not before, or one is no more. */
  arm(directories: ReadonlyMap<string, FoundDirectory>): Promise<boolean>;
  /** Some cannot be watched: the kernel allows no more, or they may not be read. */
  readonly limited: boolean;
  close(): void;
}

interface Armed extends FoundDirectory {
  watcher: { close(): unknown };
  /** Ends the wait for it: a watcher that is closed before it is ready never says so. */
  settle(): void;
  isOpen: boolean;
}

/**
 * Watches on directories, each for as long as the same directory is at its path. Chokidar is asked for the directories
 * alone, and of those for what the kernel says (`raw`): a watch on each file would cost ten thousand of them, and
 * the time to set them up. At each event it reads the whole directory, so those that are only on the way, and may be as busy
 * as /tmp, are left to the kernel's own watch.
 */
export function createDirectoryWatches({ onChange }: { onChange: () => void }): DirectoryWatches {
  const armed = new Map<string, Armed>();
  let limited = false;

  async function open(path: string, directory: FoundDirectory): Promise<void> {
    if (directory.names === null) await openWanted(path, directory);
    else openWay(path, directory);
  }

  function openWay(path: string, directory: FoundDirectory): void {
    const one: Armed = { ...directory, watcher: { close: () => undefined }, settle: () => undefined, isOpen: false };
    armed.set(path, one);
    try {
      const watcher = watchPath(path, (_, name) => {
        if (one.names === null || name === null || one.names.has(name)) onChange();
      });
      one.watcher = watcher.on('error', (error) => fail(path, one, error));
    } catch (error) {
      fail(path, one, error);
    }
    one.isOpen = true;
  }

  async function openWanted(path: string, directory: FoundDirectory): Promise<void> {
    const watcher = watch(path, { ignoreInitial: true, depth: 0, ignored: (each) => each !== path });
    const one: Armed = { ...directory, watcher, settle: () => undefined, isOpen: false };
    armed.set(path, one);
    watcher.on('raw', onChange);
    await new Promise<void>((resolve) => {
      one.settle = resolve;
      watcher.once('ready', resolve).on('error', (error) => {
        fail(path, one, error);
        resolve();
      });
    });
    one.isOpen = true;
  }

  /** What has just gone is looked for again, and the way there need not be readable; anything else is a limit. */
  function fail(path: string, one: Armed, error: unknown): void {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (armed.get(path) === one) shut(path);
    if (code === 'ENOENT' || code === 'ENOTDIR' || (code === 'EACCES' && one.names !== null)) return;
    limited = true;
    // One that cannot be opened is tried again by the clock: telling of it would open it again at once.
    if (one.isOpen) onChange();
  }

  function shut(path: string): void {
    const one = armed.get(path);
    armed.delete(path);
    one?.settle();
    void one?.watcher.close();
  }

  return {
    async arm(directories) {
      limited = false;
      const before = [...armed].filter(([path, one]) => !isSame(one, directories.get(path)));
      for (const [path] of before) shut(path);
      const fresh = [...directories].filter(([path]) => !armed.has(path));
      for (const [path, { names }] of directories) {
        const known = armed.get(path);
        if (known) known.names = names;
      }
      await Promise.all(fresh.map(([path, directory]) => open(path, directory)));
      return before.length > 0 || fresh.some(([path]) => armed.has(path));
    },
    get limited() {
      return limited;
    },
    close() {
      for (const path of [...armed.keys()]) shut(path);
    },
  };
}

/** One that was on the way and is wanted now is watched in another manner. */
function isSame(one: FoundDirectory, now: FoundDirectory | undefined): boolean {
  return now?.identity === one.identity && (now.names === null) === (one.names === null);
}
