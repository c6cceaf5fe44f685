import { constants } from 'node:fs';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { requireConfined } from './confined-file.js';
import { errnoOf } from './host-error.js';

/**
 * The directories of one instance, opened once each. Work in them goes through the descriptor, so that swapping a
 * directory for a symbolic link meanwhile leads nowhere.
 */
export interface OpenDirectories {
  /** By path relative to the instance, `''` for itself; null when it does not exist. @throws PathEscapes */
  get(path: string): Promise<FileHandle | null>;
  /** All that are open, in the order in which they were asked for. */
  opened(): IterableIterator<[string, FileHandle]>;
  close(): Promise<void>;
}

export function openDirectories(tenantDir: string): OpenDirectories {
  const handles = new Map<string, FileHandle>();
  return {
    async get(path) {
      const known = handles.get(path);
      if (known) return known;
      const handle = await openDirectory(tenantDir, path);
      if (handle) handles.set(path, handle);
      return handle;
    },
    opened: () => handles.entries(),
    async close() {
      for (const handle of handles.values()) await handle.close();
      handles.clear();
    },
  };
}

/** The path of a name in an open directory, wherever that has been moved to. Linux: proc(5), `/proc/[pid]/fd`. */
export function within(directory: FileHandle, name: string): string {
  return `/proc/self/fd/${directory.fd}/${name}`;
}

/** Which mount something open is in: files cannot be renamed from one to another, even of the same file system. */
export async function mountOf(handle: FileHandle): Promise<string> {
  const info = await readFile(`/proc/self/fdinfo/${handle.fd}`, 'utf8');
  return `${(await handle.stat()).dev}:${/^mnt_id:\s*(\d+)$/m.exec(info)?.[1] ?? ''}`;
}

async function openDirectory(tenantDir: string, path: string): Promise<FileHandle | null> {
  let handle: FileHandle;
  try {
    handle = await open(path === '' ? tenantDir : `${tenantDir}/${path}`, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
  try {
    if (path !== '') requireConfined(handle.fd, tenantDir, path);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}
