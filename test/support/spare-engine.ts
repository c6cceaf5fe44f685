import { readFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

/** A dockerd that nobody else uses. It pulls from the tests' registry. */
export interface SpareEngine {
  /** SIGKILL. */
  kill(): void;
  /** Does nothing when it runs. `liveRestore`: containers that run still are left alone, otherwise they are ended. */
  start(options: { liveRestore: boolean }): Promise<void>;
  /** Ends it and removes all that it kept. */
  remove(): Promise<void>;
}

const SCRIPT = fileURLToPath(new URL('../../scripts/engine.sh', import.meta.url));

/** Starts one, and has all of this process use it until it is removed. */
export async function useSpareEngine(): Promise<SpareEngine> {
  const directory = await mkdtemp(join(tmpdir(), 'fl-engine-'));
  const run = (args: string[], env: Record<string, string> = {}) =>
    execa(SCRIPT, args, {
      env: { FLOTILLA_ENGINE_DIR: directory, ...env },
      stdin: 'ignore',
      stdout: 'ignore',
      stderr: ['pipe'],
      timeout: 100_000,
    });
  const usual = process.env.DOCKER_HOST;
  const spare: SpareEngine = {
    kill: () => process.kill(Number(readFileSync(join(directory, 'dockerd.pid'), 'utf8')), 'SIGKILL'),
    start: async ({ liveRestore }) => {
      await run(['spare'], { LIVE_RESTORE: String(liveRestore) });
    },
    async remove() {
      // Containers outlive their dockerd: one that runs is asked to end them.
      await spare.start({ liveRestore: true });
      await run(['down', '--purge']);
      process.env.DOCKER_HOST = usual;
    },
  };
  await spare.start({ liveRestore: true });
  process.env.DOCKER_HOST = `unix://${directory}/docker.sock`;
  return spare;
}
