import { FlotillaError } from '../../errors.js';
import { createBatchParser } from './batch-parser.js';
import { DamagedClone, type GitNames, localFailure } from './git-failure.js';
import type { Folders } from './plan-tree.js';
import type { Git, GitCall, GitResult } from './run-git.js';
import { parseTreeEntries, type TreeEntry } from './tree-entry.js';

const TIMEOUT_MS = 5 * 60_000;
const MOST_ENTRIES = 200_000;

/** The objects of one commit, as the clone has them. Everything here throws DamagedClone when they cannot be read. */
export interface Objects {
  /** @throws FlotillaError SourceUnreadable when there are more than 200,000 */
  list(commit: string, folders: Folders): Promise<TreeEntry[]>;
  /** Objects below the folders that the server has left out of what it sent. */
  missing(commit: string, folders: Folders): Promise<ReadonlySet<string>>;
  /** Bytes by object, of those that are there. */
  sizes(oids: readonly string[]): Promise<Map<string, number>>;
  /** Gives each object once, in no certain order. */
  read(oids: readonly string[], onBlob: (oid: string, content: Buffer) => void): Promise<void>;
  author(commit: string): Promise<string | null>;
  /** Whether that is the full hash of a commit, and it is there. */
  isCommit(revision: string): Promise<boolean>;
  isAncestor(older: string, newer: string): Promise<boolean>;
}

export function createObjects(git: Git, names: GitNames, signal: AbortSignal): Objects {
  async function run(call: Pick<GitCall, 'args' | 'input' | 'onStdout'>): Promise<GitResult> {
    const result = await git({ ...call, timeoutMs: TIMEOUT_MS, signal });
    if (result.exitCode !== 0 && !result.tooLong) throw localFailure(result.stderr, names);
    // An object that is damaged is told as one that is missing, with success.
    if (/corrupt|inflate|is empty|unable to unpack/i.test(result.stderr)) throw new DamagedClone(result.stderr);
    return result;
  }

  return {
    async list(commit, folders) {
      const args = ['ls-tree', '-r', '-z', '--full-tree', commit, ...pathsOf(folders)];
      const { stdout, tooLong } = await run({ args });
      const entries = tooLong ? null : parseTreeEntries(stdout);
      if (entries === null || entries.length > MOST_ENTRIES) throw tooMany(names);
      return entries;
    },
    async missing(commit, folders) {
      const trees = [...new Set([folders.manifests, folders.templates])].map((folder) => `${commit}:${folder}`);
      const args = ['rev-list', '--objects', '--no-object-names', '--missing=print', ...trees];
      const { stdout } = await run({ args });
      return new Set(stdout.toString('latin1').match(/(?<=^\?)[0-9a-f]+/gm) ?? []);
    },
    async sizes(oids) {
      if (oids.length === 0) return new Map();
      const { stdout } = await run({ args: ['cat-file', '--batch-check', '--buffer'], input: lines(oids) });
      const found = stdout.toString('latin1').trimEnd().split('\n');
      const sized = found.map((line) => line.split(' '));
      return new Map(sized.flatMap(([oid = '', type, size]) => (type === 'blob' ? [[oid, Number(size)]] : [])));
    },
    async read(oids, onBlob) {
      if (oids.length === 0) return;
      let read = 0;
      const onStdout = createBatchParser((oid, content) => {
        read += 1;
        onBlob(oid, content);
      });
      await run({ args: ['cat-file', '--batch', '--buffer'], input: lines(oids), onStdout });
      if (read !== oids.length) throw new DamagedClone('objects are missing');
    },
    async author(commit) {
      const { stdout } = await run({ args: ['log', '-1', '--encoding=UTF-8', '--format=%an <%ae>', commit] });
      const text = [...stdout.toString('utf8').replace(/\p{C}/gu, '').trim()].slice(0, LONGEST_AUTHOR).join('');
      return text === '' || text === '<>' ? null : text;
    },
    async isCommit(revision) {
      if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(revision)) return false;
      return (
        (await git({ args: ['cat-file', '-e', `${revision}^{commit}`], timeoutMs: TIMEOUT_MS, signal })).exitCode === 0
      );
    },
    async isAncestor(older, newer) {
      const args = ['merge-base', '--is-ancestor', older, newer];
      return (await git({ args, timeoutMs: TIMEOUT_MS, signal })).exitCode === 0;
    },
  };
}

const LONGEST_AUTHOR = 200;

function pathsOf({ manifests, templates }: Folders): string[] {
  return manifests === '' || templates === '' ? [] : ['--', manifests, templates];
}

function lines(oids: readonly string[]): string {
  return oids.map((oid) => `${oid}\n`).join('');
}

function tooMany({ url }: GitNames): FlotillaError {
  const message = `manifests and templates of ${url} are more than ${MOST_ENTRIES.toLocaleString('en')} files`;
  return new FlotillaError('SourceUnreadable', message, { hint: 'name narrower folders, or split the fleet' });
}
