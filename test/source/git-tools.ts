import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

const SCRIPT = resolve(import.meta.dirname, '../../scripts/git-tools.sh');

/** Makes sure that git and ssh-keygen are there. */
export async function installGitTools(): Promise<void> {
  await promisify(execFile)(SCRIPT);
}

/** And a server of ssh, which nobody starts. */
export async function installSshServer(): Promise<void> {
  await promisify(execFile)(SCRIPT, ['sshd']);
}
