import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makePki } from '../../test/support/pki.js';
import type { Comparison } from '../compare.js';
import { NEW_TAG, writeFleet, writeHosts, writeTenants } from '../fleet.js';
import { measure, node, type Sample } from '../measure.js';

const HOSTS = 100;
const PROCESSES = 2;

/** Bytes a host of 100 instances, as measured: what Flotilla sends, and what it is answered when cold and when warm. */
const SIZES = { request: 17_200, cold: 143_000, warm: 513 };

export interface SweepBench {
  comparisons: Comparison[];
  cleanUp(): void;
}

/** A fleet on 100 agents, all of it in sync: the first sweep of a process, and those that follow. */
export async function createSweep(options: { scratch: string; runs: number; instances: number }): Promise<SweepBench> {
  const { scratch, runs, instances } = options;
  const directory = join(scratch, `sweep-${instances}`);
  const names = Array.from({ length: HOSTS }, (_, i) => `host-${String(i).padStart(3, '0')}`);
  const fleet = writeFleet(directory, instances, names);
  await writeTenants(fleet, NEW_TAG);
  const pki = await makePki(join(directory, 'pki'), { agents: names.map((name) => ({ name })) });
  const children: ChildProcess[] = [];
  const start = (file: string, args: readonly string[] = []) => {
    const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, { execArgv: [] });
    children.push(child);
    return child;
  };
  const ports: { agent: number; floor: number }[] = [];
  for (let i = 0; i < PROCESSES; i++) {
    const share = names.slice((i * HOSTS) / PROCESSES, ((i + 1) * HOSTS) / PROCESSES);
    for (const name of share) mkdirSync(join(fleet.tenants, name), { recursive: true });
    const agents = share.map((name) => ({ name, pki: pki.agents[name] }));
    ports.push(...(await ask(start('./agents.mjs'), { root: fleet.tenants, agents })).ports);
  }
  writeHosts(fleet, names, (i) => ports[i]!.agent);

  const controller = pki.controllers.controller!;
  const scale = instances / HOSTS / 100;
  const ours = [
    fileURLToPath(new URL('./controller.mjs', import.meta.url)),
    fleet.manifests,
    fleet.templates,
    controller,
  ];
  const bare = [
    fileURLToPath(new URL('../floors/sweep.mjs', import.meta.url)),
    ...[fleet.manifests, controller, ports.map(({ floor }) => floor).join(',')],
    ...[SIZES.request, SIZES.cold, SIZES.warm].map((bytes) => String(Math.round(bytes * scale))),
  ];
  const warm = new Map<string, Warm>();
  const startWarm = async ([file, ...args]: string[]) => {
    const known = warm.get(file!);
    if (known) return known;
    const child = start(file!, args);
    await answer(child);
    const started = { child, peakMiB: 0 };
    warm.set(file!, started);
    return started;
  };
  const sweep = async (process: Warm): Promise<Sample> => {
    const { wallMs, peakMiB } = await ask(process.child, 'sweep');
    process.peakMiB = peakMiB;
    return { wallMs, cpuMs: Number.NaN };
  };
  const count = `${instances} instances on ${HOSTS} agents`;
  return {
    comparisons: [
      {
        name: `sweep, cold: ${count}`,
        floor: 'a process: parse the manifests, shake hands, a request to each, hash the files',
        target: 2,
        runs,
        measureOurs: () => measure(node(...ours), scratch),
        measureFloor: () => measure(node(...bare), scratch),
      },
      {
        name: `sweep, warm: ${count}`,
        floor: 'a request of that size to each agent, which looks at its files (stat)',
        target: 2,
        runs: runs * 3,
        measureOurs: async () => sweep(await startWarm(ours)),
        measureFloor: async () => sweep(await startWarm(bare)),
        measurePeak: async () => warm.get(ours[0]!)?.peakMiB ?? Number.NaN,
        peakTargetMiB: 300,
      },
    ],
    cleanUp: () => {
      for (const child of children) child.disconnect();
    },
  };
}

interface Warm {
  child: ChildProcess;
  peakMiB: number;
}

// biome-ignore lint/suspicious/noExplicitAny: what the processes of this benchmark say to each other
function ask(child: ChildProcess, message: object | string): Promise<any> {
  const answered = answer(child);
  child.send(message);
  return answered;
}

// biome-ignore lint/suspicious/noExplicitAny: as above
function answer(child: ChildProcess): Promise<any> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`a process of the sweep ended with ${code}`));
    child.once('exit', ended).once('message', (message) => {
      child.off('exit', ended);
      resolve(message);
    });
  });
}
