import { createHmac } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import type { OperatorFleet } from './operator.js';

export const AUTHOR = 'Ada <ada@example.org>';
/** What the forge signs its webhooks with. */
export const SECRET = 'what only the forge knows';

/** The manifests and templates of a fleet as a repository: a work tree that is pushed to a bare one, which a daemon follows. */
export interface FleetRepository {
  /** The path of the bare repository. */
  url: string;
  /** Commits what is in the fleet's directory now, and pushes it. @returns the commit */
  push(message: string): Promise<string>;
  /** The same in place of the last commit. */
  forcePush(message: string): Promise<string>;
  /** The repository cannot be reached until `back()`. */
  away(): void;
  back(): void;
}

export async function createRepository(fleet: OperatorFleet): Promise<FleetRepository> {
  const url = join(fleet.dir, 'origin.git');
  makeHostAbsolute(fleet);
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: fleet.dir,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'Ada',
    GIT_AUTHOR_EMAIL: 'ada@example.org',
    GIT_COMMITTER_NAME: 'Ada',
    GIT_COMMITTER_EMAIL: 'ada@example.org',
  };
  const git = async (...args: string[]) =>
    (await execa('git', args, { cwd: fleet.dir, env, extendEnv: false, stdin: 'ignore' })).stdout;
  await git('init', '--quiet', '--bare', url);
  await git('init', '--quiet', '--initial-branch=main');
  await git('remote', 'add', 'origin', url);
  const commit = async (how: string[], force: string[]) => {
    await git('add', '--all', '--', 'manifests', 'templates');
    await git('commit', '--quiet', '--allow-empty', ...how);
    await git('push', '--quiet', ...force, 'origin', 'main');
    return git('rev-parse', 'HEAD');
  };
  return {
    url,
    push: (message) => commit(['--message', message], []),
    forcePush: (message) => commit(['--amend', '--message', message], ['--force']),
    away: () => renameSync(url, `${url}.away`),
    back: () => renameSync(`${url}.away`, url),
  };
}

/** A relative directory would be within the daemon's copy of the repository. */
function makeHostAbsolute({ manifests, root }: OperatorFleet): void {
  const file = join(manifests, 'fleet.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replace('{ local: ../hosts/one }', `{ local: ${root} }`));
}

/** Sends what GitHub sends for a push, signed with `secret`; gives the status of the answer. */
export async function sendPush(url: string, secret = SECRET): Promise<number> {
  const body = JSON.stringify({ ref: 'refs/heads/main' });
  const signature = createHmac('sha256', secret).update(body).digest('hex');
  const headers = {
    'content-type': 'application/json',
    'x-github-event': 'push',
    'x-hub-signature-256': `sha256=${signature}`,
  };
  const answer = await fetch(`${url}/webhooks/github`, { method: 'POST', headers, body });
  await answer.arrayBuffer();
  return answer.status;
}
