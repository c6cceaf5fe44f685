import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeFleet } from '../fleet.js';
import type { Figure } from './figure.js';

const INSTANCES = 10_000;
const HOSTS = 100;
/** How much more memory than in the first hour is noise: what the garbage collector leaves differs by about as much. */
const NOISE = 0.03;

/** What the process of a day tells at its end. */
export interface DayReport {
  /** After garbage collection, in MiB: at the end of each hour. */
  heapMiB: number[];
  applies: number;
  observations: number;
}

/** A day of a daemon over simulated hosts: what it holds in the end, beside what it held after an hour. */
export async function measureDay(scratch: string): Promise<Figure> {
  const directory = join(scratch, 'day');
  mkdirSync(directory, { recursive: true });
  const hosts = Array.from({ length: HOSTS }, (_, i) => `host-${String(i).padStart(3, '0')}`);
  const { manifests, templates } = writeFleet(directory, INSTANCES, hosts);
  const file = fileURLToPath(new URL('./day-process.ts', import.meta.url));
  const execArgv = ['--expose-gc', '--import', 'tsx'];
  const child = fork(file, [manifests, templates, join(directory, 'history.db')], { execArgv });
  const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`the day ended with ${code}`)));
  const [report] = (await Promise.race([once(child, 'message'), ended])) as [DayReport];
  ended.catch(() => undefined);
  child.disconnect();
  return toFigure(report);
}

function toFigure({ heapMiB, applies, observations }: DayReport): Figure {
  const [first, noon, last] = [heapMiB[0]!, heapMiB[11]!, heapMiB[23]!];
  const hours = heapMiB.map((mib) => mib.toFixed(1)).join(' ');
  return {
    name: `day: memory held after 24 simulated hours, ${INSTANCES} instances on ${HOSTS} hosts, a commit and drift each hour`,
    floor: 'the same after one hour',
    unit: 'MiB',
    ours: [last],
    floors: [first],
    target: `at most ${NOISE * 100} % more after 24 hours than after one`,
    met: last <= first * (1 + NOISE),
    notes: [
      `hour 1: ${first.toFixed(1)}, hour 12: ${noon.toFixed(1)}, hour 24: ${last.toFixed(1)}; each hour: ${hours}`,
      `${applies} applies, ${observations} instances looked at`,
    ],
  };
}
