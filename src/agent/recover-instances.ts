import { join } from 'node:path';
import { FlotillaError } from '../errors.js';
import { findInstances } from './find-instances.js';
import { acquireLock } from './lock/lock.js';
import { recover } from './state/journal.js';
import { hasJournal } from './state/journal-format.js';

export interface Recovery {
  /** Relative to the root. */
  directory: string;
  /** null when its interrupted commit is complete now. */
  error: FlotillaError | null;
}

/**
 * Ends every commit below the root that was interrupted: what an agent does before it serves. One that cannot be ended
 * keeps no other from being ended, and is tried again before anything else is done to that instance.
 */
export async function recoverInstances(root: string): Promise<Recovery[]> {
  const done: Recovery[] = [];
  for (const directory of findInstances(root).filter((each) => hasJournal(join(root, each)))) {
    done.push({ directory, error: await recoverOne(join(root, directory)) });
  }
  return done;
}

async function recoverOne(tenantDir: string): Promise<FlotillaError | null> {
  try {
    const lock = await acquireLock(tenantDir, { command: 'flotilla agent' });
    try {
      await recover(tenantDir);
    } finally {
      await lock.release();
    }
    return null;
  } catch (error) {
    if (error instanceof FlotillaError) return error;
    throw error;
  }
}
