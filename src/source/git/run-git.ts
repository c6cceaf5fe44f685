import type { Readable } from 'node:stream';
import { execa } from 'execa';
import { FlotillaError } from '../../errors.js';
import { limitProcess } from '../../process-group.js';

const STDOUT_LIMIT_BYTES = 64 * 1024 * 1024;
const STDERR_LIMIT_BYTES = 1024 * 1024;

export interface GitCall {
  args: readonly string[];
  timeoutMs: number;
  signal: AbortSignal;
  input?: string;
  /** Gets what git prints as it comes; it is not kept then. What it throws ends the call, and is thrown by it. */
  onStdout?: (chunk: Buffer) => void;
}

export interface GitResult {
  exitCode: number;
  stdout: Buffer;
  /** What it says can be foreign: recognise it, never pass it on. */
  stderr: string;
  /** It printed more than 64 MiB, and was ended. */
  tooLong: boolean;
}

export type Git = (call: GitCall) => Promise<GitResult>;

/** Holds for every call: no hook, no background work, no submodule, and no transport but where `fetch` allows it. */
const SAFE = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'gc.auto=0',
  'maintenance.auto=false',
  'submodule.recurse=false',
  'fetch.recurseSubmodules=false',
  'log.showSignature=false',
  'protocol.allow=never',
  'protocol.http.allow=never',
  'protocol.git.allow=never',
  'protocol.ext.allow=never',
].flatMap((setting) => ['-c', setting]);

/**
 * Runs git on one repository, by argv and in a process group of its own, without a terminal to ask on. On abort and on
 * time-out the whole group gets SIGTERM, and SIGKILL after a grace of 5 s.
 *
 * The function throws FlotillaError TimedOut, Cancelled; SourceUnreadable when there is no git. Exit codes are results.
 */
export function createGit(repository: string, environment: Readonly<Record<string, string>>): Git {
  return async (call) => {
    if (call.signal.aborted) throw cancelled(call.signal);
    const argv = ['--git-dir', repository, ...SAFE, ...call.args];
    const child = execa('git', argv, { ...OPTIONS, ...inputAndOutput(call), env: environment });
    const stopping = limitProcess(child.pid, call);
    const failure = call.onStdout && forward(child.stdout, call.onStdout, () => stopping.stop('failure'));
    const result = await child;
    const reason = stopping.end();
    if (reason === 'failure') throw failure?.error;
    if (reason === 'abort') throw cancelled(call.signal);
    if (reason === 'timeout') {
      throw new FlotillaError('TimedOut', `git ${verbOf(call.args)} did not finish within ${call.timeoutMs / 1000} s`);
    }
    if (result.exitCode === undefined && result.code === 'ENOENT') throw noGit(result);
    return {
      exitCode: result.exitCode ?? -1,
      stdout: Buffer.from(result.stdout ?? []),
      stderr: Buffer.from(result.stderr ?? []).toString('utf8'),
      tooLong: result.isMaxBuffer === true,
    };
  };
}

const OPTIONS = {
  cwd: '/',
  extendEnv: false,
  detached: true,
  cleanup: false,
  reject: false,
  encoding: 'buffer',
  stripFinalNewline: false,
  maxBuffer: { stdout: STDOUT_LIMIT_BYTES, stderr: STDERR_LIMIT_BYTES },
} as const;

function inputAndOutput({ input, onStdout }: GitCall) {
  return {
    ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
    buffer: { stdout: onStdout === undefined, stderr: true },
  };
}

/** What `use` throws is in the answer once `onFailure` has been called. */
function forward(stdout: Readable, use: (chunk: Buffer) => void, onFailure: () => void): { error: unknown } {
  const thrown = { error: undefined as unknown };
  const take = (chunk: Buffer) => {
    try {
      use(chunk);
    } catch (error) {
      thrown.error = error;
      stdout.off('data', take).resume();
      onFailure();
    }
  };
  stdout.on('data', take);
  return thrown;
}

/** The first word that is no setting. */
function verbOf(args: readonly string[]): string {
  return args.find((arg, index) => !arg.startsWith('-') && args[index - 1] !== '-c') ?? '';
}

function noGit(cause: unknown): FlotillaError {
  return new FlotillaError('SourceUnreadable', 'git cannot be run', {
    cause,
    hint: 'install git where the daemon runs, in the PATH that it is started with',
  });
}

function cancelled(signal: AbortSignal): FlotillaError {
  return new FlotillaError('Cancelled', 'cancelled', { cause: signal.reason });
}
