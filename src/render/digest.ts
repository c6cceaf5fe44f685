import { hash } from 'node:crypto';
import type { FileEntry } from './file-set.js';

/** Lower-case hex. */
export function sha256(content: string | Uint8Array): string {
  return hash('sha256', content, 'hex');
}

/** The digest of a file set: changes exactly when a path, mode, content, sensitivity or ownership does. */
export function fileSetDigest(files: readonly FileEntry[]): string {
  let text = '';
  for (const { path, mode, sha256: content, sensitive, ownership } of files) {
    text += `${path}\0${mode.toString(8)}\0${content}\0${sensitive}\0${ownership}\n`;
  }
  return `sha256:${sha256(text)}`;
}
