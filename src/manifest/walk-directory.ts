import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';

export interface WalkedFile {
  /** Relative to the directory that was walked, `/`-separated. */
  path: string;
  /** What to open. */
  absolute: string;
}

export interface Walk {
  /** Sorted by path, by code unit; each real file once. */
  files: WalkedFile[];
  /** What was left out for a reason that its owner should hear, sorted by path. */
  refused: { path: string; reason: string }[];
}

export interface WalkOptions {
  /** Whether a file or directory of this name is wanted at all. */
  accepts(name: string, isDirectory: boolean): boolean;
  /** A directory to leave out, absolute. */
  except?: string;
}

/**
 * All wanted files below a directory. Symbolic links are followed inside the tree (a mounted ConfigMap is made of
 * them), each real file and directory is visited once, and links that lead out of the tree or nowhere are refused.
 * Throws what `readdir` throws for the directory itself; a directory below it that cannot be read is refused.
 */
export async function walkDirectory(directory: string, options: WalkOptions): Promise<Walk> {
  const walk: State = { root: await realpath(directory), options, files: [], refused: [], seen: new Set(), links: [] };
  walk.seen.add(walk.root);
  await visitDirectory(walk, walk.root, '', true);
  // after everything else, so that a file is known by its own name before any link to it is met
  for (let link = walk.links.shift(); link !== undefined; link = walk.links.shift()) await visitLink(walk, link);
  const byPath = (a: { path: string }, b: { path: string }) => (a.path < b.path ? -1 : 1);
  return { files: walk.files.sort(byPath), refused: walk.refused.sort(byPath) };
}

interface State extends Walk {
  root: string;
  options: WalkOptions;
  /** Real paths of directories, and of files that links could name again. */
  seen: Set<string>;
  links: string[];
}

async function visitDirectory(walk: State, absolute: string, path: string, isRoot = false): Promise<void> {
  if (absolute === walk.options.except) return;
  let entries: Dirent[];
  try {
    entries = await readdir(absolute, { withFileTypes: true });
  } catch (error) {
    if (isRoot) throw error;
    walk.refused.push({ path, reason: `cannot be read (${codeOf(error)})` });
    return;
  }
  for (const entry of entries) {
    const child = path === '' ? entry.name : `${path}/${entry.name}`;
    if (entry.isSymbolicLink()) walk.links.push(child);
    else if (!walk.options.accepts(entry.name, entry.isDirectory())) continue;
    else if (entry.isFile()) addFile(walk, join(absolute, entry.name), child);
    else if (entry.isDirectory()) {
      walk.seen.add(join(absolute, entry.name));
      await visitDirectory(walk, join(absolute, entry.name), child);
    }
  }
}

function addFile(walk: State, absolute: string, path: string): void {
  walk.seen.add(absolute);
  walk.files.push({ path, absolute });
}

async function visitLink(walk: State, path: string): Promise<void> {
  const name = path.slice(path.lastIndexOf('/') + 1);
  try {
    const target = await realpath(join(walk.root, path));
    const found = await stat(target);
    const isDirectory = found.isDirectory();
    if (!walk.options.accepts(name, isDirectory)) return;
    if (target !== walk.root && !target.startsWith(walk.root + sep))
      walk.refused.push({ path, reason: 'is a link that leads out of the directory' });
    else if (walk.seen.has(target)) return;
    else if (isDirectory) {
      walk.seen.add(target);
      await visitDirectory(walk, target, path);
    } else if (found.isFile()) addFile(walk, target, path);
    // To read a pipe would wait for whoever writes into it.
    else walk.refused.push({ path, reason: 'is a link to what is no file' });
  } catch (error) {
    if (!walk.options.accepts(name, false)) return;
    walk.refused.push({ path, reason: `is a link that cannot be followed (${codeOf(error)})` });
  }
}

/** The system's name for what went wrong, such as ENOENT. */
export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown error';
}
