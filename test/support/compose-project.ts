import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { docker } from './engine.js';

/** A compose project of one test, in a directory of its own and under a name that no other test has. */
export interface ComposeProject extends AsyncDisposable {
  name: string;
  directory: string;
  /** Runs `docker compose` for this project; gives its standard output, and rejects unless it exits 0. */
  compose(...args: string[]): Promise<string>;
}

/**
 * Writes the files (by relative path; `docker-compose.yml` among them) to a new directory. Starts nothing. Declare it with
 * `await using`: at the end of the test its containers, networks and volumes are removed, then the directory.
 */
export async function createComposeProject(files: Record<string, string>): Promise<ComposeProject> {
  const name = `t${randomBytes(5).toString('hex')}`;
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-'));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), text);
  }
  const compose = (...args: string[]) => docker(['compose', '-p', name, ...args], { cwd: directory });
  return {
    name,
    directory,
    compose,
    [Symbol.asyncDispose]: async () => {
      await compose('down', '-v', '--remove-orphans', '-t', '1');
      await rm(directory, { recursive: true, force: true });
    },
  };
}
