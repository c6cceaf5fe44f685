import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Comparison } from '../compare.js';
import { FLOTILLA } from '../comparisons.js';
import { NEW_TAG, OLD_TAG, writeFleet, writeTenants } from '../fleet.js';
import { measure, node, type Sample } from '../measure.js';
import { answer, ask, createProcesses, startAgents } from './processes.js';

const HOSTS = 100;

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
  const processes = createProcesses();
  const { ports, controller } = await startAgents(processes, fleet, names);
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
    const child = processes.start(file!, args);
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
    cleanUp: processes.end,
  };
}

interface Warm {
  child: ChildProcess;
  peakMiB: number;
}

const PREVIEWED = 1000;

/** The preview of files through an agent, beside that of the same files by the local driver. */
export async function createRemotePreview({ scratch, runs }: { scratch: string; runs: number }): Promise<SweepBench> {
  const local = writeFleet(join(scratch, 'preview-local'), PREVIEWED);
  const remote = writeFleet(join(scratch, 'preview-remote'), PREVIEWED, ['host-0']);
  for (const fleet of [local, remote]) await writeTenants(fleet, OLD_TAG);
  const processes = createProcesses();
  const { controller } = await startAgents(processes, remote, ['host-0']);
  const preview = ({ manifests, templates }: typeof local) => {
    const options = ['--dry-run', '--files-only', '--detailed-exitcode', '-o', 'json', '--pki', controller];
    return node(FLOTILLA, 'reconcile', ...options, '--manifests', manifests, '--templates', templates);
  };
  return {
    comparisons: [
      {
        name: `reconcile --dry-run --files-only: ${PREVIEWED} instances of one agent, all differing`,
        floor: 'the same with the local driver',
        target: 2,
        runs,
        measureOurs: () => measure(preview(remote), scratch, [2]),
        measureFloor: () => measure(preview(local), scratch, [2]),
      },
    ],
    cleanUp: processes.end,
  };
}
