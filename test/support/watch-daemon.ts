import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BuiltCli, type Ended, type RunningCli, runCli, startCli } from './cli-process.js';
import { createWatchState, type WatchState } from './watch-state.js';

/** `flotilla watch` as a process of its own. */
export interface WatchDaemon extends WatchState {
  /** Of its HTTP side, such as `http://127.0.0.1:1234`. */
  url: string;
  /** All that it has logged. */
  log(): string;
  hasEnded(): boolean;
  /** Runs another command beside it, in the same directory and on the same state. */
  flotilla(...args: string[]): Promise<Ended>;
  /** Sends SIGTERM and waits for its end. */
  stop(): Promise<Ended>;
  /** kill -9 */
  kill(): Promise<void>;
}

export interface DaemonOptions {
  /** Where `manifests/` and `templates/` are, and `state/` is made. */
  directory: string;
  /** The controller's certificate. */
  pki?: string;
  /** `spec` of a WatchConfig. */
  config?: Record<string, unknown>;
  logLevel?: 'info' | 'trace';
}

/** Starts a daemon, and resolves once it watches and serves. */
export async function startDaemon(cli: BuiltCli, options: DaemonOptions): Promise<WatchDaemon> {
  const { directory, pki, config = {}, logLevel = 'info' } = options;
  const file = join(directory, 'watch.json');
  writeFileSync(file, JSON.stringify({ apiVersion: 'flotilla.dev/v1', kind: 'WatchConfig', spec: config }));
  const state = join(directory, 'state');
  const args = ['--config', file, '--state', state, '--listen', '127.0.0.1:0', '--log-level', logLevel];
  const running = startCli(cli, ['watch', ...args, ...(pki === undefined ? [] : ['--pki', pki])], {
    cwd: directory,
    env: { GIT_CONFIG_NOSYSTEM: '1' },
  });
  await running.until(/daemon watches/);
  return {
    ...createWatchState(state, () => tail(running.stderr())),
    url: `http://127.0.0.1:${portOf(running)}`,
    log: running.stderr,
    hasEnded: running.hasEnded,
    flotilla: (...line) => runCli(cli, [...line, '--state', state], { cwd: directory }),
    stop() {
      running.child.kill('SIGTERM');
      return running.ended;
    },
    async kill() {
      running.child.kill('SIGKILL');
      await running.ended;
    },
  };
}

/** The bytes of the database with those that are not yet in it. */
export function historyBytes(directory: string): Buffer {
  const files = ['history.db', 'history.db-wal'].map((name) => join(directory, 'state', name));
  return Buffer.concat(files.filter((file) => existsSync(file)).map((file) => readFileSync(file)));
}

function portOf(running: RunningCli): number {
  for (const line of running.stderr().split('\n')) {
    if (!line.includes('metrics, probes and webhooks are served')) continue;
    return (JSON.parse(line) as { port: number }).port;
  }
  throw new Error(`the daemon does not serve: ${tail(running.stderr())}`);
}

function tail(log: string): string {
  return log.split('\n').slice(-40).join('\n');
}
