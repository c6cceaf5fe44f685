import { type ChildProcess, fork } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makePki } from '../../test/support/pki.js';
import { type BenchFleet, writeHosts } from '../fleet.js';

/** What a process of agents is told. */
export interface Hosts {
  root: string;
  agents: readonly { name: string; pki: string }[];
}
export type ToAgents = Hosts | { host: string; kill: string };

/** An agent was asked to apply, its engine was asked to bring up, the apply has ended. `at` is of the shared clock. */
export interface AgentEvent {
  type: 'asked' | 'up' | 'applied';
  slug: string;
  at: number;
}

export interface Agents {
  /** The identity folder of the controller. */
  controller: string;
  /** By host. */
  ports: ReadonlyMap<string, { agent: number; floor: number }>;
  /** The next such event. Ask before what causes it. */
  next(type: AgentEvent['type'], slug: string): Promise<AgentEvent>;
  /** Resolves once so many applies have ended from now on, with the time of the last. */
  applied(count: number): Promise<number>;
  kill(host: string, slug: string): void;
  end(): void;
}

const PROCESSES = 2;

/** Agents for the hosts of a fleet, several in a process; their addresses are written into its manifests. */
export async function startWatchAgents(fleet: BenchFleet, hosts: readonly string[]): Promise<Agents> {
  const pki = await makePki(join(dirname(fleet.manifests), 'pki'), { agents: hosts.map((name) => ({ name })) });
  const events = new EventEmitter().setMaxListeners(0);
  const children: ChildProcess[] = [];
  const childOf = new Map<string, ChildProcess>();
  const ports = new Map<string, { agent: number; floor: number }>();
  const share = Math.ceil(hosts.length / PROCESSES);
  for (let start = 0; start < hosts.length; start += share) {
    const names = hosts.slice(start, start + share);
    for (const name of names) mkdirSync(join(fleet.tenants, name), { recursive: true });
    const child = startProcess(events);
    children.push(child);
    const answered = new Promise<{ agent: number; floor: number }[]>((resolve) => events.once('ports', resolve));
    child.send({
      root: fleet.tenants,
      agents: names.map((name) => ({ name, pki: pki.agents[name]! })),
    } satisfies Hosts);
    for (const [i, port] of (await answered).entries()) {
      ports.set(names[i]!, port);
      childOf.set(names[i]!, child);
    }
  }
  writeHosts(fleet, hosts, (i) => ports.get(hosts[i]!)!.agent);
  return {
    controller: pki.controllers.controller!,
    ports,
    next: (type, slug) => new Promise((resolve) => events.once(`${type} ${slug}`, resolve)),
    applied: (count) => countApplied(events, count),
    kill: (host, slug) => void childOf.get(host)?.send({ host, kill: slug } satisfies ToAgents),
    end: () => {
      for (const child of children) child.disconnect();
    },
  };
}

function startProcess(events: EventEmitter): ChildProcess {
  const file = fileURLToPath(new URL('./agents-process.ts', import.meta.url));
  const child = fork(file, [], { execArgv: ['--import', 'tsx'] });
  child.on('message', (message: AgentEvent | { ports: unknown }) => {
    if ('ports' in message) events.emit('ports', message.ports);
    else events.emit(`${message.type} ${message.slug}`, message);
    if ('at' in message) events.emit(message.type, message);
  });
  return child;
}

function countApplied(events: EventEmitter, count: number): Promise<number> {
  return new Promise((resolve) => {
    let seen = 0;
    events.on('applied', function onApplied({ at }: AgentEvent) {
      seen += 1;
      if (seen < count) return;
      events.off('applied', onApplied);
      resolve(at);
    });
  });
}
