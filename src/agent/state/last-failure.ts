import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { AppliedView } from '../../plan/observed.js';
import { STATE_DIRECTORY } from '../files/confine.js';
import { writeFileAtomic } from '../files/fs-atomic.js';

export type LastFailure = NonNullable<AppliedView['lastFailure']>;

/** How the newest attempt on this instance failed; null when it did not. A file that cannot be read counts as none. */
export function readFailure(tenantDir: string): LastFailure | null {
  const file = fileIn(tenantDir);
  if (!existsSync(file)) return null;
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as LastFailure;
  } catch {
    return null;
  }
}

/** Remembers a failure. On a host that cannot even take this note, the failure itself is what counts. */
export async function noteFailure(tenantDir: string, failure: LastFailure): Promise<void> {
  await writeFileAtomic(fileIn(tenantDir), `${JSON.stringify(failure)}\n`, 0o600).catch(() => undefined);
}

/** Called once an attempt has succeeded. */
export function clearFailure(tenantDir: string): void {
  rmSync(fileIn(tenantDir), { force: true });
}

function fileIn(tenantDir: string): string {
  return join(tenantDir, STATE_DIRECTORY, 'last-failure.json');
}
