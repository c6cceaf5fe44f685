import { InvalidArgumentError } from 'commander';
import type { HistoryStore } from '../../history/history-store.js';

/** The value of an argument that names a revision: a commit, or the digest of a directory, whole or its start. */
export function parseRevision(text: string): string {
  if (!/^(sha256:)?[0-9a-f]{7,64}$/.test(text)) {
    throw new InvalidArgumentError('It must be a commit or a digest, or at least 7 digits of one.');
  }
  return text;
}

/** Whether it is whole: a commit (SHA-1 or SHA-256), or the digest of a directory. */
export function isWholeRevision(text: string): boolean {
  return /^([0-9a-f]{40}|(sha256:)?[0-9a-f]{64})$/.test(text);
}

/** Whether what a person gave names this revision: it starts like it, with or without `sha256:`. */
export function namesRevision(given: string, revision: string): boolean {
  return revision.startsWith(given) || revision.startsWith(`sha256:${given}`);
}

/** Whether the daemon has taken a revision, then or earlier. */
export async function wasAccepted(store: Pick<HistoryStore, 'accepted'>, given: string): Promise<boolean> {
  const starts = given.startsWith('sha256:') ? [given] : [given, `sha256:${given}`];
  for (const revision of starts) if ((await store.accepted({ revision })) !== null) return true;
  return false;
}
