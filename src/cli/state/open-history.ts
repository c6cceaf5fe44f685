import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { HistoryStore } from '../../history/history-store.js';
import { HISTORY_FILE } from '../../state/state-directory.js';

/** Whether a daemon has left its memory in this state directory. */
export function hasHistory(state: string): boolean {
  return existsSync(join(state, HISTORY_FILE));
}

/**
 * The daemon's memory, for reading only, beside a daemon that writes or without one.
 *
 * @throws FlotillaError HistoryUnavailable, also where there is none
 */
export async function openHistory(state: string): Promise<HistoryStore> {
  const { openSqliteStore } = await import('../../history/sqlite/open-sqlite-store.js');
  return openSqliteStore(resolve(state, HISTORY_FILE), { readonly: true });
}
