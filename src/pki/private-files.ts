import { closeSync, fchmodSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What a file is to hold, and with which mode whatever the umask. */
export interface NewFile {
  name: string;
  text: string;
  mode: number;
}

const PRIVATE_FILE = 0o600;
const PUBLIC_FILE = 0o644;

/** A file that nobody but its owner may read. */
export function privateFile(name: string, text: string): NewFile {
  return { name, text, mode: PRIVATE_FILE };
}

export function publicFile(name: string, text: string): NewFile {
  return { name, text, mode: PUBLIC_FILE };
}

/** Makes a directory that nobody but its owner may enter, and those above it. One that is there keeps its mode. */
export function ensurePrivateDirectory(dir: string): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
}

/**
 * Replaces files of a directory, each by rename: a reader sees an old or a new one, never a part. All are written beside
 * their places first, so that only renames stand between the first new file and the last.
 */
export function replaceFiles(dir: string, files: readonly NewFile[]): void {
  const temporary = ({ name }: NewFile) => join(dir, `.${name}.tmp`);
  try {
    for (const file of files) writeWhole(temporary(file), file);
    for (const file of files) renameSync(temporary(file), join(dir, file.name));
  } catch (error) {
    for (const file of files) rmSync(temporary(file), { force: true });
    throw error;
  }
  syncDirectory(dir);
}

/** Adds lines at the end of a file, durably. */
export function appendLines(path: string, lines: readonly string[]): void {
  const fd = openSync(path, 'a', PRIVATE_FILE);
  try {
    writeFileSync(fd, lines.map((line) => `${line}\n`).join(''));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  syncDirectory(dirname(path));
}

function writeWhole(path: string, { text, mode }: NewFile): void {
  rmSync(path, { force: true });
  const fd = openSync(path, 'wx', PRIVATE_FILE);
  try {
    writeFileSync(fd, text);
    fchmodSync(fd, mode);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function syncDirectory(dir: string): void {
  const fd = openSync(dir, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
