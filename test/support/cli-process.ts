import { type ChildProcess, spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import type { DieAtWriteEnv } from './die-at-write.js';
import { engine } from './engine.js';

const ROOT = join(import.meta.dirname, '../..');

/** The program as it is built, from the sources as they are now, in a directory of its own. */
export interface BuiltCli {
  main: string;
  /** To be preloaded with `--import`: see die-at-write.ts. */
  dieAtWrite: string;
  /** The compiled form of another source, by its path in this repository. */
  compiled(source: string): string;
  remove(): void;
}

/** Plain JavaScript starts several times as fast as through a loader, so that more can be killed in a minute. */
export function buildCli(extra: readonly string[] = []): BuiltCli {
  const directory = mkdtempSync(join(tmpdir(), 'flotilla-built-'));
  for (const source of [...sourcesIn('src'), 'test/support/die-at-write.ts', ...extra]) compile(source, directory);
  copyFileSync(join(ROOT, 'package.json'), join(directory, 'package.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  const compiled = (source: string) => join(directory, target(source));
  return {
    main: compiled('src/cli/main.ts'),
    dieAtWrite: compiled('test/support/die-at-write.ts'),
    compiled,
    remove: () => rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }),
  };
}

function sourcesIn(directory: string): string[] {
  const entries = readdirSync(join(ROOT, directory), { recursive: true, encoding: 'utf8' });
  return entries.filter((name) => name.endsWith('.ts')).map((name) => `${directory}/${name}`);
}

/** As in the package: `src/` becomes `dist/`. */
function target(source: string): string {
  return source.replace(/^src\//, 'dist/').replace(/\.ts$/, '.js');
}

function compile(source: string, directory: string): void {
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true };
  const text = readFileSync(join(ROOT, source), 'utf8');
  // Tests import from `src/`, which is `dist/` here.
  const { outputText } = ts.transpileModule(text.replaceAll(/(from '(?:\.\.\/)+)src\//g, '$1dist/'), {
    compilerOptions,
  });
  mkdirSync(dirname(join(directory, target(source))), { recursive: true });
  writeFileSync(join(directory, target(source)), outputText);
}

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunningCli {
  child: ChildProcess;
  pid: number;
  ended: Promise<Ended>;
  hasEnded(): boolean;
  /** All of standard error until now. */
  stderr(): string;
  /** Resolves once standard error matches, or the process has ended. */
  until(pattern: RegExp): Promise<void>;
}

export interface CliOptions {
  cwd: string;
  env?: Record<string, string> & Partial<DieAtWriteEnv>;
  preload?: string;
  /** By default the tests' engine. */
  docker?: { PATH: string; DOCKER_HOST: string };
}

function testEngine(): { PATH: string; DOCKER_HOST: string } {
  const { dockerHost, path } = engine();
  return { PATH: path, DOCKER_HOST: dockerHost };
}

/** Starts `flotilla ...` with no more of an environment than it needs. */
export function startCli(cli: BuiltCli, args: readonly string[], options: CliOptions): RunningCli {
  const preload = options.preload === undefined ? [] : ['--import', options.preload];
  const child = spawn(process.execPath, [...preload, cli.main, ...args], {
    cwd: options.cwd,
    env: { HOME: '/nonexistent', NO_COLOR: '1', ...(options.docker ?? testEngine()), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  let over = false;
  const waiting = new Set<() => void>();
  const wake = () => {
    for (const look of [...waiting]) look();
  };
  child.stdout.on('data', (data: Buffer) => {
    stdout += data.toString();
  });
  child.stderr.on('data', (data: Buffer) => {
    stderr += data.toString();
    wake();
  });
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code, signal) => {
      over = true;
      wake();
      resolve({ code, signal, stdout, stderr });
    });
  });
  return {
    child,
    pid: child.pid ?? 0,
    ended,
    hasEnded: () => over,
    stderr: () => stderr,
    until: (pattern) =>
      new Promise((resolve) => {
        const look = () => {
          if (!over && !pattern.test(stderr)) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
  };
}

export function runCli(cli: BuiltCli, args: readonly string[], options: CliOptions): Promise<Ended> {
  return startCli(cli, args, options).ended;
}

/** Processes that descend from this one, nearest first; those that run `docker` among them are what compose runs in. */
export function descendants(pid: number): number[] {
  const children = tasksOf(pid).flatMap((task) => readText(`/proc/${pid}/task/${task}/children`).split(' '));
  const direct = children.filter(Boolean).map(Number);
  return [...direct, ...direct.flatMap(descendants)];
}

/** Whether a process runs docker or one of its plugins. */
export function isDocker(pid: number): boolean {
  return /(?:^|\/)docker(?:-compose)?$/.test(readText(`/proc/${pid}/cmdline`).split('\0')[0] ?? '');
}

function tasksOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

function readText(path: string): string {
  try {
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  } catch {
    return '';
  }
}
