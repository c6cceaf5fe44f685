import { join } from 'node:path';
import type { GitSourceConfig } from '../../config/watch-config.js';
import { FlotillaError } from '../../errors.js';
import type { Logger } from '../../log.js';
import type { Snapshot, Source } from '../source.js';
import { createClone } from './clone.js';
import { createCommitReader } from './commit-reader.js';
import { gitEnvironment } from './git-environment.js';
import { DamagedClone, type GitNames } from './git-failure.js';
import { fullRef, repositoryFolder } from './git-names.js';
import { describeGitUrl } from './git-url.js';
import { createObjects, type Objects } from './objects.js';
import { pollEvery } from './poll-every.js';
import { createTurns } from './turns.js';
import { verifySignature } from './verify-signature.js';

export interface GitSourceOptions {
  config: GitSourceConfig;
  /** Where the clone and the files of the last commit are kept. Nobody else writes there, and it may be removed at any time. */
  directory: string;
  /** Where git's own settings come from, such as HOME and SSH_AUTH_SOCK. */
  env?: NodeJS.ProcessEnv;
  log?: Logger;
}

/**
 * Desired state in a git repository: whatever is read is all of one commit.
 * @throws FlotillaError ConfigInvalid for a URL, a ref or a folder that is not safe, or that git does not allow
 */
export function createGitSource({ config, directory, env = process.env, log }: GitSourceOptions): Source {
  const names = { url: describeGitUrl(config.url), ref: describeRef(config.ref) };
  const folders = { manifests: repositoryFolder(config.manifests), templates: repositoryFolder(config.templates) };
  const environment = gitEnvironment(env);
  const clone = createClone({ url: config.url, ref: fullRef(config.ref), names, directory, environment });
  const reader = createCommitReader(join(directory, 'tree'), folders, names);
  const inTurn = createTurns();
  let last: Snapshot | undefined;

  async function readHead(signal: AbortSignal): Promise<Snapshot> {
    const commit = await clone.fetch(signal);
    if (last?.revision === commit) return last;
    await verify(commit, { isTag: 'tag' in config.ref, signal });
    const objects = createObjects(clone.git, names, signal);
    const [snapshot, rewritten] = await Promise.all([
      readCommit(commit, objects),
      last !== undefined && objects.isAncestor(last.revision, commit).then((is) => !is),
    ]);
    if (rewritten) log?.info({ before: last?.revision, commit }, 'history of the source was rewritten');
    last = snapshot;
    tidyLater(signal);
    return last;
  }

  async function verify(commit: string, { isTag, signal }: { isTag: boolean; signal: AbortSignal }): Promise<void> {
    const { allowedSigners } = config;
    if (allowedSigners === null) return;
    await verifySignature({ git: clone.git, commit, allowedSigners, isTag, names, signal });
  }

  async function readCommit(commit: string, objects: Objects): Promise<Snapshot> {
    const [{ desired, templates }, author] = await Promise.all([reader.read(commit, objects), objects.author(commit)]);
    return { revision: commit, author, desired: { ...desired, revision: commit }, templates };
  }

  /** A tag that was moved says nothing of the commit that it was on: that needs a signature of its own. */
  async function readPast(revision: string, signal: AbortSignal): Promise<Snapshot | null> {
    const objects = createObjects(clone.git, names, signal);
    if (!(await objects.isCommit(revision))) return null;
    try {
      await verify(revision, { isTag: false, signal });
      return await readCommit(revision, objects);
    } catch (error) {
      if (error instanceof DamagedClone || (error as FlotillaError).code === 'SourceRefused') return null;
      throw error;
    }
  }

  /** Nobody waits for it but the next read. */
  function tidyLater(signal: AbortSignal): void {
    void inTurn(() => clone.tidy(signal)).catch((err: unknown) => {
      if (!signal.aborted) log?.warn({ err }, 'clone of the source was not packed');
    });
  }

  async function readOrFetchAnew(signal: AbortSignal): Promise<Snapshot> {
    try {
      return await readHead(signal);
    } catch (error) {
      if (!(error instanceof DamagedClone)) throw error;
      log?.warn('clone of the source is damaged, fetching it anew');
      await clone.discard();
      return await readHead(signal).catch((again: unknown) => Promise.reject(unreadable(again, names)));
    }
  }

  return {
    name: `${names.url} ${names.ref}`,
    read: ({ signal }) => inTurn(() => readOrFetchAnew(signal)),
    readAt: (revision, { signal }) => inTurn(() => readPast(revision, signal)),
    async watch({ onChange, signal }) {
      pollEvery(config.intervalMs, { onTurn: onChange, signal });
    },
  };
}

function describeRef(ref: GitSourceConfig['ref']): string {
  return 'branch' in ref ? `branch ${ref.branch}` : `tag ${ref.tag}`;
}

function unreadable(error: unknown, { url }: GitNames): unknown {
  if (!(error instanceof DamagedClone)) return error;
  return new FlotillaError('SourceUnreadable', `${url} was fetched anew, and its clone still cannot be read`, {
    cause: error,
    hint: 'check the repository with git fsck, and the disk that the state of the daemon is on',
  });
}
