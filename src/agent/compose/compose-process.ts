import { type SpawnOptions, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { FlotillaError } from '../../errors.js';
import { limitProcess } from '../../process-group.js';
import type { HostConfig } from '../host.js';

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
  if (call.signal?.aborted) throw cancelled(call.signal);
  const child = spawn(host.docker, argv, optionsFor(host, call.lockFd));
  const stopped = limitProcess(child.pid, call);
  const stdout = collectStdout(child.stdout, () => stopped.stop('failure'));
  const stderr = collectStderr(child.stderr, call.onStderrLine);
  const ended = await new Promise<{ exitCode: number | null } | { cause: Error }>((resolve) => {
    child.once('error', (cause) => resolve({ cause })).once('close', (exitCode) => resolve({ exitCode }));
  });
  const reason = stopped.end();
  if (reason === 'timeout')
    throw new FlotillaError('TimedOut', `docker did not finish within ${call.timeoutMs / 1000} s`);
  if (reason === 'abort') throw cancelled(call.signal);
  if (reason === 'failure') throw new FlotillaError('ComposeFailed', 'docker answered more than 16 MiB');
  if ('cause' in ended) {
    throw new FlotillaError('ComposeMissing', 'the docker client cannot be run on this host', {
      cause: ended.cause,
      hint: 'Install the docker client with Compose v2 on the host, in the PATH that Flotilla is started with.',
    });
  }
  return { exitCode: ended.exitCode, stdout: stdout(), stderr: stderr() };
}

function optionsFor(host: HostConfig, lockFd: number | undefined) {
  return {
    // Neither the caller's directory nor the tenant's: all paths are absolute, and none is kept busy.
    cwd: '/',
    env: { ...host.environment, DOCKER_HOST: host.dockerHost },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', ...(lockFd === undefined ? [] : [lockFd])] as ['ignore', 'pipe', 'pipe'],
  } satisfies SpawnOptions;
}

/** Returns what gives all that was written; tells when that gets too long, and keeps no more of it. */
function collectStdout(stream: Readable, onTooLong: () => void): () => string {
  const chunks: Buffer[] = [];
  let length = 0;
  stream.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= STDOUT_LIMIT_BYTES) chunks.push(chunk);
    else onTooLong();
  });
  return () => Buffer.concat(chunks).toString('utf8');
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

function cancelled(signal: AbortSignal | undefined) {
  return new FlotillaError('Cancelled', 'cancelled', { cause: signal?.reason });
}
