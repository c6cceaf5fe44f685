import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { GitSourceConfig } from '../../src/config/watch-config.js';
import type { Logger } from '../../src/log.js';
import { createGitSource } from '../../src/source/git/git-source.js';
import type { Snapshot, Source } from '../../src/source/source.js';
import { FLEET } from './manifests.js';

export interface Repository {
  /** The temporary directory that everything is in. */
  base: string;
  /** The work tree that is pushed from; it is the remote as well. */
  origin: string;
  /** The environment of git, for the source as for the test. */
  env: NodeJS.ProcessEnv;
  git(...args: string[]): string;
  /** Writes and commits; null removes. @returns the commit */
  commit(files: Readonly<Record<string, string | Buffer | null>>, options?: string[]): string;
  source(config?: Partial<GitSourceConfig>, log?: Logger): Source;
  /** Where the source keeps its clone. */
  state: string;
  remove(): void;
}

export function read(source: Source, signal = new AbortController().signal): Promise<Snapshot> {
  return source.read({ signal });
}

/** A repository with a small fleet on `main`, which knows nothing of the settings of whoever runs the test. */
export function createRepository(): Repository {
  const base = mkdtempSync(join(tmpdir(), 'flotilla-git-'));
  const origin = join(base, 'origin');
  const state = join(base, 'state');
  const env = {
    PATH: process.env.PATH,
    HOME: base,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: join(base, 'gitconfig'),
  };
  writeFileSync(env.GIT_CONFIG_GLOBAL, '[user]\n\tname = Ada\n\temail = ada@example.org\n');
  mkdirSync(origin);
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: origin, env, encoding: 'utf8', stdio: 'pipe' }).trim();
  git('init', '--quiet', '--initial-branch=main');
  git('config', 'uploadpack.allowFilter', 'true');
  const repository: Repository = {
    base,
    origin,
    env,
    git,
    commit(files, options = []) {
      for (const [path, content] of Object.entries(files)) {
        if (content === null) rmSync(join(origin, path), { recursive: true });
        else {
          mkdirSync(dirname(join(origin, path)), { recursive: true });
          writeFileSync(join(origin, path), content);
          chmodSync(join(origin, path), path.endsWith('.sh') ? 0o755 : 0o644);
        }
      }
      git('add', '--all');
      git('commit', '--quiet', '--allow-empty', '--message', 'change', ...options);
      return git('rev-parse', 'HEAD');
    },
    source: (config = {}, log) =>
      createGitSource({
        config: {
          kind: 'git',
          url: origin,
          ref: { branch: 'main' },
          manifests: 'manifests',
          templates: 'templates',
          intervalMs: 60_000,
          allowedSigners: null,
          ...config,
        },
        directory: state,
        env,
        ...(log && { log }),
      }),
    state,
    remove: () => rmSync(base, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }),
  };
  repository.commit(FLEET);
  return repository;
}
