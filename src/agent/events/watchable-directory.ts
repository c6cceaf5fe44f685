import { lstatSync, realpathSync, statSync } from 'node:fs';
import { isInside, STATE_DIRECTORY } from '../files/confine.js';

/**
 * Which directory is at the path now: its device and inode. null when there is none, and when a symbolic link leads out
 * of `within`, or into Flotilla's own directory: what is there is none of ours.
 */
export function identifyDirectory(path: string, within: string): string | null {
  try {
    const link = lstatSync(path, { bigint: true });
    if (link.isDirectory()) return `${link.dev}:${link.ino}`;
    if (!link.isSymbolicLink()) return null;
    const real = realpathSync.native(path);
    if (!isInside(realpathSync.native(within), real) || real.split('/').includes(STATE_DIRECTORY)) return null;
    const stat = statSync(real, { bigint: true });
    return stat.isDirectory() ? `${stat.dev}:${stat.ino}` : null;
  } catch {
    // Gone, or not to be looked at: an observation says so, and why.
    return null;
  }
}
