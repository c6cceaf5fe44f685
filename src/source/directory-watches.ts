import { type FSWatcher, watch } from 'chokidar';
import type { FoundDirectory } from './find-directories.js';

export interface DirectoryWatches {
  /** From now on exactly these are watched. Whether any of them was not before, or one is no more. */
  arm(directories: ReadonlyMap<string, FoundDirectory>): Promise<boolean>;
  /** Some cannot be watched: the kernel allows no more, or they may not be read. */
  readonly limited: boolean;
  close(): void;
}

interface Armed extends FoundDirectory {
  watcher: FSWatcher;
  /** Ends the wait for it: a watcher that is closed before it is ready never says so. */
  settle(): void;
  isOpen: boolean;
}

/**
 * Watches on directories, each for as long as the same directory is at its path. Chokidar is asked for the directories
 * alone, and of those for what the kernel says (`raw`): a watch on each file would cost ten thousand of them, and
 * the time to set them up.
 */
export function createDirectoryWatches({ onChange }: { onChange: () => void }): DirectoryWatches {
  const armed = new Map<string, Armed>();
  let limited = false;

  async function open(path: string, directory: FoundDirectory): Promise<void> {
    const watcher = watch(path, { ignoreInitial: true, depth: 0, ignored: (each) => each !== path });
    const one: Armed = { ...directory, watcher, settle: () => undefined, isOpen: false };
    armed.set(path, one);
    watcher.on('raw', (_, name) => {
      if (one.names === null || !name || one.names.has(name)) onChange();
    });
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
      const before = [...armed].filter(([path, { identity }]) => directories.get(path)?.identity !== identity);
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
