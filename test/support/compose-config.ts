import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { engine } from './engine.js';

export interface ConfigRun {
  /** Where the files were; gone by now. */
  directory: string;
  exitCode: number;
  /** What `config --format json` printed. */
  printed: string;
  /** The same, read, with the doubling of `$` undone; undefined when it failed. */
  // biome-ignore lint/suspicious/noExplicitAny: the shape is what the test expects of it
  project: any;
  /** Names of "variable is not set" warnings, sorted, each once. */
  warned: string[];
  stderr: string;
}

/**
 * Runs `docker compose config` on files of its own, with no variables but PATH, HOME and those given.
 *
 * @param files by relative path; `docker-compose.yml` among them
 * @param args go before `config`
 */
export async function composeConfig(
  files: Record<string, string>,
  env: Record<string, string>,
  args: string[] = [],
): Promise<ConfigRun> {
  const { directory, ...result } = await runConfig(files, env, [...args, 'config', '--format', 'json']);
  const stderr = result.stderr.replaceAll(directory, '<DIR>');
  const warned = [...stderr.matchAll(/The \\"(.*?)\\" variable is not set\. Defaulting/g)].map((match) => match[1]);
  return {
    directory,
    exitCode: result.exitCode,
    printed: result.stdout,
    project: result.exitCode === 0 ? JSON.parse(result.stdout.replaceAll('$$', '$')) : undefined,
    warned: [...new Set(warned as string[])].sort(),
    stderr,
  };
}

/** The config hash of each service, by its name. */
export async function composeHash(
  files: Record<string, string>,
  env: Record<string, string>,
  args: string[] = [],
): Promise<Map<string, string>> {
  const { stdout } = await runConfig(files, env, [...args, 'config', '--hash', '*']);
  return new Map(stdout.split('\n').map((line) => line.split(' ') as [string, string]));
}

async function runConfig(files: Record<string, string>, env: Record<string, string>, args: string[]) {
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-config-'));
  try {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      await writeFile(join(directory, path), text);
    }
    const { exitCode, stdout, stderr } = await execa('docker', ['compose', '-p', 'probe', ...args], {
      cwd: directory,
      env: { HOME: '/nonexistent', ...env, PATH: engine().path },
      extendEnv: false,
      stdin: 'ignore',
      reject: false,
      timeout: 30_000,
      stripFinalNewline: false,
    });
    return { directory, exitCode: exitCode ?? -1, stdout, stderr };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** A compose file in JSON, with every character escaped that YAML does not take as it is. */
export function composeJson(value: unknown): string {
  return JSON.stringify(value).replace(/[\u007f-\uffff]/g, (char) =>
    /[\ud800-\udfff]/.test(char) ? char : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
