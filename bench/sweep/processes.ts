import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makePki } from '../../test/support/pki.js';
import { type BenchFleet, writeHosts } from '../fleet.js';

const PROCESSES = 2;

export interface Processes {
  /** A script of node, with a channel. */
  start(file: string, args?: readonly string[]): ChildProcess;
  /** They end when their channel does. */
  end(): void;
}

export function createProcesses(): Processes {
  const children: ChildProcess[] = [];
  return {
    start(file, args = []) {
      const child = fork(file, args, { execArgv: [] });
      children.push(child);
      return child;
    },
    end: () => {
      for (const child of children) child.disconnect();
    },
  };
}

/** Agents for the hosts of a fleet, several in a process; their addresses are written into its manifests. */
export async function startAgents(
  processes: Processes,
  fleet: BenchFleet,
  names: readonly string[],
): Promise<{ ports: { agent: number; floor: number }[]; controller: string }> {
  const pki = await makePki(join(dirname(fleet.manifests), 'pki'), { agents: names.map((name) => ({ name })) });
  const file = fileURLToPath(new URL('./agents.mjs', import.meta.url));
  const ports: { agent: number; floor: number }[] = [];
  const share = Math.ceil(names.length / PROCESSES);
  for (let start = 0; start < names.length; start += share) {
    const agents = names.slice(start, start + share).map((name) => ({ name, pki: pki.agents[name] }));
    for (const { name } of agents) mkdirSync(join(fleet.tenants, name), { recursive: true });
    ports.push(...(await ask(processes.start(file), { root: fleet.tenants, agents })).ports);
  }
  writeHosts(fleet, names, (i) => ports[i]!.agent);
  return { ports, controller: pki.controllers.controller! };
}

// biome-ignore lint/suspicious/noExplicitAny: what the processes of this benchmark say to each other
export function ask(child: ChildProcess, message: object | string): Promise<any> {
  const answered = answer(child);
  child.send(message);
  return answered;
}

// biome-ignore lint/suspicious/noExplicitAny: as above
export function answer(child: ChildProcess): Promise<any> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`a process of the sweep ended with ${code}`));
    child.once('exit', ended).once('message', (message) => {
      child.off('exit', ended);
      resolve(message);
    });
  });
}
