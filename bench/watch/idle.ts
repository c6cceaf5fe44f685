import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startDaemon } from './daemon.js';
import type { Figure } from './figure.js';
import { cpuMs, memoryMiB } from './process-use.js';
import { sourceOf } from './save.js';
import { createWatchFleet } from './watch-fleet.js';

const INSTANCES = 10_000;
const HOSTS = 100;
const SECONDS = 60;
const SETTLE_SECONDS = 90;
const TARGETS = { percent: 1, mib: 300 };

/** What a daemon takes that has nothing to do, and the most that it took to come there. */
export async function measureIdle(scratch: string): Promise<Figure[]> {
  const fleet = await createWatchFleet(join(scratch, 'idle'), INSTANCES, HOSTS);
  const ports = [...fleet.agents.ports.values()].map(({ agent }) => agent).join(',');
  const daemon = await startDaemon(fleet.directory, sourceOf(fleet));
  const listener = fork(fileURLToPath(new URL('../floors/listen.mjs', import.meta.url)), [
    fleet.agents.controller,
    ports,
  ]);
  try {
    await once(listener, 'message');
    await daemon.settled(INSTANCES);
    // V8 puts off collecting what the start has left; a daemon that runs for months has done that.
    await sleep(SETTLE_SECONDS * 1_000);
    const pids = [daemon.pid, listener.pid ?? 0];
    const before = pids.map(cpuMs);
    const begun = performance.now();
    await sleep(SECONDS * 1_000);
    const elapsed = performance.now() - begun;
    const [ours = 0, floor = 0] = pids.map((pid, i) => ((cpuMs(pid) - before[i]!) / elapsed) * 100);
    const [memory, bare] = [memoryMiB(daemon.pid), memoryMiB(listener.pid ?? 0)];
    return [toCpu(ours, floor), toMemory(memory, bare)];
  } finally {
    listener.disconnect();
    await daemon.stop();
    fleet.agents.end();
  }
}

const NAME = `${INSTANCES} instances on ${HOSTS} agents`;
const FLOOR = 'a bare process that listens to the events of the same agents';

function toCpu(ours: number, floor: number): Figure {
  return {
    name: `idle: processor, over ${SECONDS} s in which nothing happens, ${SETTLE_SECONDS} s after the start, ${NAME}`,
    floor: FLOOR,
    unit: '% of a core',
    ours: [ours],
    floors: [floor],
    target: `< ${TARGETS.percent} % of a core`,
    met: ours < TARGETS.percent,
  };
}

function toMemory(ours: { now: number; peak: number }, floor: { now: number; peak: number }): Figure {
  return {
    name: `idle: memory that it holds, ${NAME}`,
    floor: FLOOR,
    unit: 'MiB',
    ours: [ours.now],
    floors: [floor.now],
    target: `< ${TARGETS.mib} MiB`,
    met: ours.now < TARGETS.mib,
    notes: [`the most since the start: ${ours.peak.toFixed(0)} MiB, the floor ${floor.peak.toFixed(0)} MiB`],
  };
}
