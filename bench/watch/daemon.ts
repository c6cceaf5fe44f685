import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FLOTILLA } from '../comparisons.js';

/** `flotilla watch` as it is built, in a process of its own. */
export interface Daemon {
  pid: number;
  url: string;
  /** Resolves once so many instances are ready, every host is connected, and nothing is in the queue any more. */
  settled(instances: number): Promise<void>;
  stop(): Promise<void>;
}

export const WEBHOOK_SECRET = 'secret-of-the-benchmark';
const PATIENCE_MS = 10 * 60_000;

/**
 * What it writes is in a directory of its own: it watches those that manifests are in, and the way there.
 *
 * @param spec of its configuration, as JSON
 */
export async function startDaemon(
  fleetDirectory: string,
  spec: object,
  execArgv: readonly string[] = [],
): Promise<Daemon> {
  const directory = join(fleetDirectory, 'daemon');
  mkdirSync(directory, { recursive: true });
  const config = join(directory, 'watch.yaml');
  const errors = join(directory, 'watch.log');
  const document = {
    apiVersion: 'flotilla.dev/v1',
    kind: 'WatchConfig',
    spec: { state: join(directory, 'state'), listen: '127.0.0.1:0', ...spec },
  };
  writeFileSync(config, JSON.stringify(document));
  const log = openSync(errors, 'w');
  const child = spawn(process.execPath, [...execArgv, FLOTILLA, 'watch', '--config', config], {
    cwd: directory,
    env: { PATH: process.env.PATH, HOME: directory, WEBHOOK_SECRET },
    stdio: ['ignore', 'ignore', log],
  });
  closeSync(log);
  const said = () => readFileSync(errors, 'utf8');
  const port = await until(child, said, async () => /"port":(\d+)/.exec(said())?.[1]);
  const url = `http://127.0.0.1:${port}`;
  return {
    pid: child.pid ?? 0,
    url,
    async settled(instances) {
      for (let calm = 0; calm < 5; ) calm = (await until(child, said, () => isSettled(url, instances))) ? calm + 1 : 0;
    },
    async stop() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function isSettled(url: string, instances: number): Promise<true | undefined> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const value = (name: string) =>
    Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.split(' ')[1],
    );
  const ready = value('flotilla_instances{state="ready"}') === instances;
  const idle = value('workqueue_depth{name="instances"}') === 0;
  const away = value('flotilla_hosts{state="disconnected"}');
  return ready && idle && away === 0 ? true : undefined;
}

/** Asks every 100 ms until there is an answer. */
async function until<T>(child: ChildProcess, said: () => string, ask: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    await sleep(100);
    if (answer !== undefined) return answer;
    if (child.exitCode === null && performance.now() < deadline) continue;
    throw new Error(`the daemon ended, or did not come to rest: ${said().slice(-2000)}`);
  }
}
