import { access, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FlotillaError } from '../../errors.js';
import { fetchFailure, type GitNames, localFailure } from './git-failure.js';
import { createGit, type Git } from './run-git.js';

const FETCH_TIMEOUT_MS = 5 * 60_000;
const TIDY_TIMEOUT_MS = 2 * 60_000;
const LOCAL_TIMEOUT_MS = 60_000;
/** No name that an operator's own configuration says anything about. */
const REMOTE = 'flotilla-source';

/** Where the clone keeps what it last fetched. */
export const HEAD_REF = 'refs/flotilla/head';

export interface CloneOptions {
  url: string;
  /** In full, such as `refs/heads/main`. */
  ref: string;
  names: GitNames;
  /** The clone is in `repo.git` below it. */
  directory: string;
  environment: Readonly<Record<string, string>>;
}

export interface Clone {
  readonly git: Git;
  /**
   * Brings the clone up to date, whatever became of the branch meanwhile. @returns the full hash of its commit
   * @throws FlotillaError SourceUnreadable, TimedOut, Cancelled; DamagedClone
   */
  fetch(signal: AbortSignal): Promise<string>;
  /** Packs what months of fetching left behind, once that is worth it. @throws FlotillaError TimedOut, Cancelled */
  tidy(signal: AbortSignal): Promise<void>;
  /** Throws everything away: the next fetch begins anew. */
  discard(): Promise<void>;
}

/** A bare clone that nobody else uses. Nothing of it is trusted to be there: it can be fetched again at any time. */
export function createClone(options: CloneOptions): Clone {
  const { directory, names } = options;
  const repository = join(directory, 'repo.git');
  let git = createGit(repository, options.environment);
  /** The last fetch succeeded: whether ssh is set up otherwise by now is not asked again. */
  let works = false;

  return {
    get git() {
      return git;
    },
    async fetch(signal) {
      await initialise(git, repository, names, signal);
      if (!works) git = createGit(repository, { ...options.environment, ...(await sshCommand(git, options, signal)) });
      works = false;
      try {
        const { exitCode, stderr } = await git({ args: fetchArgs(options), timeoutMs: FETCH_TIMEOUT_MS, signal });
        if (exitCode !== 0) throw fetchFailure(stderr, names);
        works = true;
      } finally {
        if (!works) await dropPartialPacks(repository);
      }
      return headCommit(git, names, signal);
    },
    async tidy(signal) {
      const settings = ['gc.auto=2000', 'gc.autoPackLimit=50', 'gc.autoDetach=false', 'gc.pruneExpire=now'];
      const args = [...settings.flatMap((setting) => ['-c', setting]), 'gc', '--auto', '--quiet'];
      await git({ args, timeoutMs: TIDY_TIMEOUT_MS, signal });
    },
    discard: () => rm(repository, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }),
  };
}

/** What an interrupted fetch leaves: nothing of it is used again, and each attempt would leave more. */
async function dropPartialPacks(repository: string): Promise<void> {
  const packs = join(repository, 'objects/pack');
  const names = await readdir(packs).catch(() => []);
  await Promise.all(
    names.filter((name) => name.startsWith('tmp_')).map((name) => rm(join(packs, name), { force: true })),
  );
}

/** ssh must fail where it would ask; but what the operator has set for git is left alone. */
async function sshCommand(git: Git, { environment, names }: CloneOptions, signal: AbortSignal): Promise<object> {
  if (environment.GIT_SSH_COMMAND !== undefined || environment.GIT_SSH !== undefined) return {};
  const args = ['config', '--get', 'core.sshCommand'];
  const { exitCode, stderr } = await git({ args, timeoutMs: LOCAL_TIMEOUT_MS, signal });
  if (exitCode > 1) throw localFailure(stderr, names);
  return exitCode === 0 ? {} : { GIT_SSH_COMMAND: 'ssh -o BatchMode=yes' };
}

async function initialise(git: Git, repository: string, names: GitNames, signal: AbortSignal): Promise<void> {
  const isThere = await access(join(repository, 'HEAD')).then(
    () => true,
    () => false,
  );
  if (isThere) return;
  try {
    await rm(repository, { recursive: true, force: true });
    await mkdir(repository, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code;
    const message = `the directory for the clone of ${names.url} cannot be made (${reason})`;
    throw new FlotillaError('SourceUnreadable', message, { cause, hint: 'check the state directory of the daemon' });
  }
  // Without a template there are no hooks.
  const args = ['init', '--bare', '--quiet', '--template='];
  const { exitCode, stderr } = await git({ args, timeoutMs: LOCAL_TIMEOUT_MS, signal });
  if (exitCode !== 0) throw localFailure(stderr, names);
}

/** Files of more than 16 MiB are never used: a server that can leave them out does. */
function fetchArgs({ url, ref }: CloneOptions): string[] {
  const settings = [
    'protocol.https.allow=always',
    'protocol.ssh.allow=always',
    'protocol.file.allow=always',
    'http.lowSpeedLimit=1',
    'http.lowSpeedTime=60',
    `remote.${REMOTE}.url=${url}`,
  ].flatMap((setting) => ['-c', setting]);
  const options = ['--quiet', '--no-tags', '--no-write-fetch-head', '--force', '--filter=blob:limit=16m'];
  return [...settings, 'fetch', ...options, REMOTE, `+${ref}:${HEAD_REF}`];
}

async function headCommit(git: Git, names: GitNames, signal: AbortSignal): Promise<string> {
  const args = ['rev-parse', '--verify', '--end-of-options', `${HEAD_REF}^{commit}`];
  const { exitCode, stdout, stderr } = await git({ args, timeoutMs: LOCAL_TIMEOUT_MS, signal });
  if (exitCode === 0) return stdout.toString('latin1').trim();
  if (!/expected commit type/.test(stderr)) throw localFailure(stderr, names);
  throw new FlotillaError('SourceUnreadable', `${names.ref} of ${names.url} does not lead to a commit`, {
    hint: 'name a branch, or a tag of a commit',
  });
}
