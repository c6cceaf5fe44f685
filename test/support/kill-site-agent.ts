import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasJournal } from '../../src/agent/state/journal-format.js';
import { type RunningAgent, startAgentProcess } from './agent-process.js';
import { type BuiltCli, descendants, isDocker } from './cli-process.js';
import type { CrashTenant } from './crash-tenant.js';
import {
  composesOf,
  type Disturbed,
  type KillSite,
  kill,
  type OpenSite,
  randomMoment,
  startReconcile,
} from './kill-site.js';
import { makePki, type Pki } from './pki.js';
import type { Random } from './random.js';
import type { SpareEngine } from './spare-engine.js';

type Victim =
  | 'agent'
  | 'agent at a write'
  | 'agent and compose'
  | 'controller'
  | 'controller and agent'
  | 'compose of the agent'
  | 'dockerd'
  | 'dockerd and agent'
  | 'dockerd and controller';

/** The host is reached through an agent, a process of its own, over mutual TLS. */
export const AGENT_SITE: KillSite = {
  victims: {
    agent: 30,
    'agent at a write': 20,
    'agent and compose': 10,
    controller: 20,
    'controller and agent': 10,
    'compose of the agent': 10,
  } satisfies Partial<Record<Victim, number>>,
  open: (cli, tenant, random) => openAgentSite(cli, tenant, random, null),
};

/** The same on an engine that is killed, too: for one tenant at a time. */
export function createDockerdSite(engine: SpareEngine): KillSite {
  return {
    victims: { dockerd: 50, 'dockerd and agent': 25, 'dockerd and controller': 25 } satisfies Partial<
      Record<Victim, number>
    >,
    open: (cli, tenant, random) => openAgentSite(cli, tenant, random, engine),
  };
}

/** What is killed of a reconcile through an agent. */
interface Parts {
  agent: boolean;
  controller: boolean;
  compose: boolean;
  dockerd: boolean;
}

function partsOf(victim: string): Parts {
  const has = (name: string) => victim.split(' and ').some((part) => part.startsWith(name));
  return { agent: has('agent'), controller: has('controller'), compose: has('compose'), dockerd: has('dockerd') };
}

/** How long what was killed stays away, in milliseconds, at most. */
const AWAY_MS = 800;

async function openAgentSite(
  cli: BuiltCli,
  tenant: CrashTenant,
  random: Random,
  engine: SpareEngine | null,
): Promise<OpenSite> {
  const { dir, root } = tenant.fleet;
  const pki: Pki = await makePki(join(dir, 'pki'), { agents: [{ name: 'one' }] });
  const [when, report] = [join(dir, 'when'), join(dir, 'writes')];
  const startAgent = (at = 0) =>
    startAgentProcess(cli, {
      cwd: dir,
      root,
      pki: pki.agents.one as string,
      port: at,
      env: {
        TMPDIR: tenant.temporary,
        FLOTILLA_TEST_DIE_UNDER: root,
        FLOTILLA_TEST_DIE_WHEN: when,
        FLOTILLA_TEST_DIE_REPORT: report,
      },
      preload: cli.dieAtWrite,
    });
  let agent: RunningAgent = await startAgent();
  const { port } = agent;
  useAgent(tenant, port);
  const reconcile = (args: readonly string[]) =>
    startReconcile(cli, tenant, ['--pki', pki.controllers.controller as string, ...args]);
  const restart = async () => {
    await agent.ended;
    agent = await startAgent(port);
  };

  async function disturbAtWrite(writes: number): Promise<Disturbed> {
    writeFileSync(when, String(random.whole(1, writes)));
    const running = reconcile([]);
    await Promise.race([agent.ended, running.ended]);
    const killed = agent.hasEnded();
    // It counts further otherwise.
    if (!killed) agent.child.kill('SIGTERM');
    rmSync(when);
    await sleep(random.whole(0, AWAY_MS));
    await restart();
    return { ended: await running.ended, killed, mayFail: killed };
  }

  async function disturbAtMoment({ agent: ofAgent, controller, compose, dockerd }: Parts): Promise<Disturbed> {
    const running = reconcile([]);
    await randomMoment(running, tenant, random);
    const composes = compose
      ? ofAgent
        ? descendants(agent.pid).filter(isDocker)
        : await composesOf(agent.pid, running)
      : [];
    const underWay = !running.hasEnded();
    if (underWay) {
      if (controller) running.child.kill('SIGKILL');
      if (ofAgent) agent.child.kill('SIGKILL');
      if (dockerd) engine?.kill();
      for (const pid of composes) kill(pid);
      await sleep(random.whole(0, AWAY_MS));
      if (dockerd) await engine?.start({ liveRestore: random.next() < 0.5 });
      if (ofAgent) await restart();
    }
    const ended = await running.ended;
    const failed = ended.code !== 0;
    return { ended, killed: underWay && (compose && !ofAgent ? failed : true), mayFail: underWay };
  }

  return {
    reconcile,
    async countWrites() {
      writeFileSync(report, '');
      writeFileSync(when, '0');
      const run = await reconcile(['-o', 'json']).ended;
      agent.child.kill('SIGTERM');
      rmSync(when);
      await restart();
      return { run, writes: Number(/^(\d+) writes$/m.exec(readFileSync(report, 'utf8'))?.[1]) };
    },
    disturb: (victim, writes) =>
      victim === 'agent at a write' ? disturbAtWrite(writes) : disturbAtMoment(partsOf(victim)),
    async recover(directory) {
      // The agent has done so when it was started again.
      if (hasJournal(directory)) throw new Error('the agent serves, and an interrupted commit is not completed');
    },
    countApplies() {
      const counted = agent;
      const succeeded = () => counted.logged('apply ended').length;
      const before = succeeded();
      return () => (counted === agent && !counted.hasEnded() ? succeeded() - before : null);
    },
    async close() {
      agent.child.kill('SIGKILL');
      await agent.ended;
    },
  };
}

/** Desired state says from now on that the host has an agent. */
function useAgent({ fleet }: CrashTenant, port: number): void {
  const file = join(fleet.manifests, 'fleet.yaml');
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replace('{ local: ../hosts/one }', `{ agent: "https://127.0.0.1:${port}" }`));
}
