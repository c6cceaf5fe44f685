import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Commit, type CommitWrite, commitStaged, stageCommit } from '../../../src/agent/state/journal.js';
import { recordOf } from './tenant-tree.js';

export function write(path: string, content: string, more: Partial<CommitWrite> = {}): CommitWrite {
  return { path, content: Buffer.from(content), mode: 0o644, inPlace: false, createOnly: false, ...more };
}

export function commitOf(parts: Partial<Commit>): Commit {
  return { generation: 1, writes: [], removes: [], record: recordOf(1), ...parts };
}

export async function apply(tenant: string, commit: Commit): Promise<void> {
  await commitStaged(await stageCommit(tenant, commit));
}

export function diskFull(): Error {
  return Object.assign(new Error('no space'), { code: 'ENOSPC' });
}

export function contents(tenant: string, paths: readonly string[]): string[] {
  return paths.map((path) => readFileSync(join(tenant, path), 'utf8'));
}

export function modeOf(tenant: string, path: string): number {
  return statSync(join(tenant, path)).mode & 0o7777;
}
