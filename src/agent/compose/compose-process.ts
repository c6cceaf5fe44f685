import type { Readable } from 'node:stream';
import type { Options } from 'execa';
import { FlotillaError } from '../../errors.js';
import type { HostConfig } from '../host.js';

const KILL_GRACE_MS = 5_000;
const STDOUT_LIMIT_BYTES = 16 * 1024 * 1024;
const STDERR_TAIL_BYTES = 64 * 1024;

export interface ProcessCall {
  timeoutMs: number;
  signal?: AbortSignal;
  /** A descriptor that the child inherits as 3: the lock stays held for as long as the child lives. */
  lockFd?: number;
  /** Each complete line of stderr. May hold secrets: parse it, never pass it on. */
  onStderrLine?: (line: string) => void;
}

export interface ProcessResult {
  exitCode: number | null;
  stdout: string;
  /** The last 64 KiB. May hold secrets. */
  stderr: string;
}

/**
 * Runs the docker client in a process group of its own, so that a terminal's Ctrl-C does not reach it, with an explicit
 * environment. On abort and on time-out the whole group gets SIGTERM, and SIGKILL after a grace of 5 s.
 * @throws FlotillaError ComposeMissing, TimedOut, Cancelled; ComposeFailed when the answer is too long
 */
export async function runDocker(host: HostConfig, argv: readonly string[], call: ProcessCall): Promise<ProcessResult> {
  // Loaded only now: a preview of files runs nothing.
  const { execa } = await import('execa');
  if (call.signal?.aborted) throw cancelled(call.signal);
  const child = execa(host.docker, argv, optionsFor(host, call.lockFd));
  const stderr = collectStderr(child.stderr, call.onStderrLine);
  const stopped = stopOnTimeoutOrAbort(child.pid, call);
  const result = await child;
  const reason = stopped.end();
  if (reason === 'timeout')
    throw new FlotillaError('TimedOut', `docker did not finish within ${call.timeoutMs / 1000} s`);
  if (reason === 'abort') throw cancelled(call.signal);
  if (result.isMaxBuffer) throw new FlotillaError('ComposeFailed', 'docker answered more than 16 MiB');
  if (result.exitCode === undefined && result.signal === undefined) {
    throw new FlotillaError('ComposeMissing', 'the docker client cannot be run on this host', {
      cause: result.cause,
      hint: 'Install the docker client with Compose v2 on the host, in the PATH that Flotilla is started with.',
    });
  }
  return { exitCode: result.exitCode ?? null, stdout: String(result.stdout ?? ''), stderr: stderr() };
}

function optionsFor(host: HostConfig, lockFd: number | undefined) {
  return {
    // Neither the caller's directory nor the tenant's: all paths are absolute, and none is kept busy.
    cwd: '/',
    env: { ...host.environment, DOCKER_HOST: host.dockerHost },
    extendEnv: false,
    detached: true,
    cleanup: false,
    reject: false,
    stripFinalNewline: false,
    stdio: [
      'ignore',
      'pipe',
      'pipe', // execa takes any descriptor there; its types name only a few.
      ...(lockFd === undefined ? [] : [lockFd as 3]),
    ],
    buffer: { stdout: true, stderr: false },
    maxBuffer: { stdout: STDOUT_LIMIT_BYTES },
  } satisfies Options;
}

/** Returns what gives the tail of all that was written so far. */
function collectStderr(stream: Readable, onLine: ((line: string) => void) | undefined): () => string {
  let tail = '';
  let partial = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    tail = (tail + chunk).slice(-STDERR_TAIL_BYTES);
    if (onLine === undefined) return;
    const lines = (partial + chunk).split('\n');
    partial = (lines.pop() ?? '').slice(-STDERR_TAIL_BYTES);
    for (const line of lines) onLine(line);
  });
  return () => tail;
}

function stopOnTimeoutOrAbort(pid: number | undefined, call: ProcessCall) {
  let reason: 'timeout' | 'abort' | null = null;
  let killTimer: NodeJS.Timeout | undefined;
  const stop = (why: 'timeout' | 'abort') => {
    if (reason !== null) return;
    reason = why;
    signalGroup(pid, 'SIGTERM');
    killTimer = setTimeout(() => signalGroup(pid, 'SIGKILL'), KILL_GRACE_MS);
  };
  const onAbort = () => stop('abort');
  const timer = setTimeout(() => stop('timeout'), call.timeoutMs);
  call.signal?.addEventListener('abort', onAbort, { once: true });
  return {
    /** Call once, when the child has ended. */
    end() {
      clearTimeout(timer);
      clearTimeout(killTimer);
      call.signal?.removeEventListener('abort', onAbort);
      return reason;
    },
  };
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals) {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group has just ended.
  }
}

function cancelled(signal: AbortSignal | undefined) {
  return new FlotillaError('Cancelled', 'cancelled', { cause: signal?.reason });
}
