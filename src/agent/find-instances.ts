import { type Dirent, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { STATE_DIRECTORY } from './files/confine.js';
import { RECORD_FILE } from './state/applied-record.js';
import { hasJournal } from './state/journal-format.js';

/** An instance's directory is seldom deeper than this below the root; a tenant's own content can be very deep. */
const MAX_DEPTH = 3;

/**
 * The directories below the root that were applied or are being applied, relative to it and sorted. Does not look
 * inside an instance, nor behind symbolic links.
 */
export function findInstances(root: string): string[] {
  const found: string[] = [];
  const visit = (directory: string, depth: number) => {
    for (const entry of subdirectories(join(root, directory))) {
      const path = directory === '' ? entry.name : `${directory}/${entry.name}`;
      if (isInstance(join(root, path))) found.push(path);
      else if (depth < MAX_DEPTH) visit(path, depth + 1);
    }
  };
  visit('', 1);
  return found.sort();
}

function isInstance(directory: string): boolean {
  return existsSync(join(directory, STATE_DIRECTORY, RECORD_FILE)) || hasJournal(directory);
}

/** What cannot be read is passed over: it is not ours. */
function subdirectories(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).filter(
      (entry) => entry.isDirectory() && !entry.name.startsWith('.'),
    );
  } catch {
    return [];
  }
}
