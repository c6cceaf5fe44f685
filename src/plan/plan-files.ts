import type { FileEntry, OnChangeRule } from '../render/file-set.js';
import type { AppliedView, ObservedFile } from './observed.js';
import type { DesiredTenant, FileCause, FileChange, FileStatus, Operation } from './plan.js';

type RecordedFile = AppliedView['files'][number];
type Stamp = { sha256: string; mode: number };

interface FilePlan {
  /** Sorted by path; unchanged ones too. */
  changes: FileChange[];
  operations: Extract<Operation, { kind: 'write' | 'remove' }>[];
  warnings: string[];
}

/**
 * Decides what happens to each path from what was last applied (L), what is there (O) and what is desired (D).
 * Paths that the record holds and desired state does not are deleted only while they are byte for byte ours.
 *
 * @param observed every path of desired state and of the record, absent ones with sha256 null
 */
export function planFiles(
  desired: DesiredTenant,
  observed: readonly ObservedFile[],
  applied: AppliedView | null,
): FilePlan {
  const here = new Map(observed.map((file) => [file.path, file]));
  const last = new Map(applied?.files.map((file) => [file.path, file]));
  const plan: FilePlan = { changes: [], operations: [], warnings: [] };
  const wanted = new Set(desired.files.map((file) => file.path));
  for (const file of desired.files) {
    const change = decide(file, stampOf(here.get(file.path)), last.get(file.path));
    plan.changes.push(change);
    if (change.status !== 'unchanged') plan.operations.push(writeOperation(file, change, desired.onChange));
  }
  const released = new Set(desired.released);
  for (const file of last.values()) {
    if (wanted.has(file.path) || released.has(file.path) || file.createOnly) continue;
    planLeftover(file, stampOf(here.get(file.path)), plan);
  }
  plan.changes.sort(byPath);
  plan.operations.sort((a, b) => byKind(a, b) || byPath(a, b));
  return plan;
}

function stampOf(file: ObservedFile | undefined): Stamp | null {
  return file?.sha256 ? { sha256: file.sha256, mode: file.mode ?? 0 } : null;
}

function decide(file: FileEntry, here: Stamp | null, last: RecordedFile | undefined): FileChange {
  if (file.ownership === 'CreateOnly' && (here || last)) return change(file, 'unchanged', null, "the tenant's own");
  if (!here) {
    return last
      ? change(file, 'created', 'drift', 'drift (deleted on the host)')
      : change(file, 'created', 'new', file.ownership === 'CreateOnly' ? "new (from then on the tenant's own)" : 'new');
  }
  if (same(here, file)) return change(file, 'unchanged', null, '');
  if (!last) return change(file, 'modified', 'adopt', `adopt (never ours before${modeNote(here, file)})`);
  if (same(here, last)) return change(file, 'modified', 'update', `update${modeNote(here, file, ' (', ')')}`);
  if (same(file, last)) return change(file, 'modified', 'drift', driftReason(here, file));
  return change(file, 'modified', 'conflict', 'conflict (edited on the host, and desired state changed)');
}

function planLeftover(file: RecordedFile, here: Stamp | null, plan: FilePlan): void {
  if (!here) return;
  const entry = { path: file.path, sensitive: false };
  if (here.sha256 === file.sha256) {
    plan.changes.push(change(entry, 'deleted', 'no longer rendered', 'no longer rendered'));
    plan.operations.push({ kind: 'remove', path: file.path, sha256: file.sha256, cause: 'no longer rendered' });
    return;
  }
  plan.changes.push(change(entry, 'kept', 'edited on the host', 'no longer rendered, but edited on the host'));
  plan.warnings.push(
    `${file.path} is no longer rendered and was edited on the host: it is kept, and from now on the tenant's own`,
  );
}

function writeOperation(
  file: FileEntry,
  { reason }: FileChange,
  rules: readonly OnChangeRule[],
): Extract<Operation, { kind: 'write' }> {
  return {
    kind: 'write',
    path: file.path,
    sha256: file.sha256,
    mode: file.mode,
    // A signalled process reads the file again through its mount, and a single-file mount keeps the old inode.
    inPlace: rules.some((rule) => rule.action.startsWith('Signal:') && covers(rule.path, file.path)),
    createOnly: file.ownership === 'CreateOnly',
    cause: reason,
  };
}

/** Whether `path` is `parent` or lies below it; `.` covers everything. Both relative to the instance. */
export function covers(parent: string, path: string): boolean {
  return parent === '.' || path === parent || path.startsWith(`${parent}/`);
}

function change(
  file: { path: string; sensitive: boolean },
  status: FileStatus,
  cause: FileCause | null,
  reason: string,
): FileChange {
  return { path: file.path, status, cause, reason, sensitive: file.sensitive };
}

function driftReason(here: Stamp, file: Stamp): string {
  if (here.sha256 !== file.sha256) return 'drift (edited on the host)';
  return `drift (mode ${octal(file.mode)} changed to ${octal(here.mode)} on the host)`;
}

function modeNote(here: Stamp, file: Stamp, open = '; ', close = ''): string {
  return here.sha256 === file.sha256 ? `${open}mode ${octal(here.mode)} -> ${octal(file.mode)}${close}` : '';
}

function same(a: Stamp, b: Stamp): boolean {
  return a.sha256 === b.sha256 && a.mode === b.mode;
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

function byKind(a: { kind: string }, b: { kind: string }): number {
  return a.kind === b.kind ? 0 : a.kind === 'write' ? -1 : 1;
}

function byPath(a: { path: string }, b: { path: string }): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}
