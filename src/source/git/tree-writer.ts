import { lstatSync, mkdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Objects } from './objects.js';
import type { TreeFile } from './plan-tree.js';

export interface TreeWriter {
  /**
   * Makes the directory hold exactly these files. Those that are there already are not touched. After a failure, everything
   * is written anew the next time. Throws what the file system throws, and what reading objects throws.
   */
  write(files: readonly TreeFile[], read: Objects['read']): Promise<void>;
}

interface Written extends TreeFile {
  /** What it looked like when it was written: whoever touched it since, it is written again. */
  stamp: string;
}

/** Keeps a directory that nobody else writes. What is there at first is not trusted. */
export function createTreeWriter(directory: string): TreeWriter {
  let written: ReadonlyMap<string, Written> | null = null;
  return {
    async write(files, read) {
      const before: ReadonlyMap<string, Written> = written ?? new Map();
      if (written === null) await rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
      written = null;
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const wanted = new Set(files.map(({ path }) => path));
      await inSlices(before.keys(), (path) => {
        if (!wanted.has(path)) removeFile(directory, path);
      });
      const after = new Map<string, Written>();
      const byObject = new Map<string, TreeFile[]>();
      await inSlices(files, (file) => {
        const known = before.get(file.path);
        if (known !== undefined && isSame(known, file) && known.stamp === stampOf(join(directory, file.path))) {
          after.set(file.path, known);
          return;
        }
        const alike = byObject.get(file.oid);
        if (alike === undefined) byObject.set(file.oid, [file]);
        else alike.push(file);
      });
      await read([...byObject.keys()], (oid, content) => {
        for (const file of byObject.get(oid) ?? []) after.set(file.path, writeFile(directory, file, content));
      });
      written = after;
    },
  };
}

function isSame(a: TreeFile, b: TreeFile): boolean {
  return a.oid === b.oid && a.executable === b.executable;
}

/** Beside what was there, not into it: that could be a link. */
function writeFile(directory: string, file: TreeFile, content: Buffer): Written {
  const path = join(directory, file.path);
  mkdirSync(dirname(path), { recursive: true });
  rmSync(path, { recursive: true, force: true });
  writeFileSync(path, content, { flag: 'wx', mode: file.executable ? 0o755 : 0o644 });
  return { ...file, stamp: stampOf(path) };
}

/** And the directories that nothing else is in. */
function removeFile(directory: string, path: string): void {
  rmSync(join(directory, path), { recursive: true, force: true });
  for (let parent = dirname(path); parent !== '.'; parent = dirname(parent)) {
    try {
      rmdirSync(join(directory, parent));
    } catch {
      return;
    }
  }
}

function stampOf(path: string): string {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found === undefined ? '' : `${found.ino}:${found.size}:${found.mtimeMs}:${found.mode}`;
}

/** How long it may keep the event loop to itself. */
const SLICE_MS = 20;

async function inSlices<Item>(items: Iterable<Item>, use: (item: Item) => void): Promise<void> {
  let ends = performance.now() + SLICE_MS;
  for (const item of items) {
    use(item);
    if (performance.now() < ends) continue;
    await setImmediate();
    ends = performance.now() + SLICE_MS;
  }
}
