import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

export interface Command {
  file: string;
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
  cwd?: string;
}

export interface Sample {
  wallMs: number;
  /** Of the process and the children it waited for; NaN where the kernel does not say. */
  cpuMs: number;
}

export const node = (...args: string[]): Command => ({ file: process.execPath, args });

/** Runs one whole process, standard output to a file. @throws Error unless it ends with one of `expected` */
export async function measure(command: Command, scratch: string, expected: readonly number[] = [0]): Promise<Sample> {
  const out = openSync(join(scratch, 'stdout'), 'w');
  const err = openSync(join(scratch, 'stderr'), 'w');
  const cpuBefore = childrenCpuMs();
  const start = performance.now();
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      const env = { ...process.env, ...command.env };
      const child = spawn(command.file, command.args, { stdio: ['ignore', out, err], env, cwd: command.cwd });
      child.once('error', reject).once('exit', resolve);
    });
    const wallMs = performance.now() - start;
    if (code !== null && expected.includes(code)) return { wallMs, cpuMs: childrenCpuMs() - cpuBefore };
    const said = readFileSync(join(scratch, 'stderr'), 'utf8').slice(-2000);
    throw new Error(`${command.file} ${command.args.join(' ')} ended with ${code}: ${said}`);
  } finally {
    closeSync(out);
    closeSync(err);
  }
}

/** The most memory that a node process held, in MiB, from a run of its own; NaN where the kernel does not say. */
export async function measurePeak(command: Command, scratch: string, expected?: readonly number[]): Promise<number> {
  if (!existsSync('/proc/self/status')) return Number.NaN;
  const file = join(scratch, 'peak');
  rmSync(file, { force: true });
  const preload = new URL('floors/peak.mjs', import.meta.url).href;
  const args = ['--import', preload, ...command.args];
  await measure({ ...command, args, env: { ...command.env, BENCH_PEAK: file } }, scratch, expected);
  return Number(readFileSync(file, 'utf8')) / 1024;
}

const CLOCK_TICK_MS = 10;

/** What all children that have ended took, as /proc/self/stat counts it. */
function childrenCpuMs(): number {
  if (!existsSync('/proc/self/stat')) return Number.NaN;
  const fields = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[13]) + Number(fields[14])) * CLOCK_TICK_MS;
}
