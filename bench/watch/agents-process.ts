// Several agents in one process, on loopback, each with a stub of an engine; and beside each a bare server, the floor. Started
// with an IPC channel and told `Hosts`; answers with `ports`, and then tells what is asked of the agents, and when.
import { mkdirSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createFileHasher } from '../../src/agent/files/file-hash.js';
import { buildHostConfig } from '../../src/agent/host.js';
import { buildAgent } from '../../src/agent/server/build-agent.js';
import { createTenantHost } from '../../src/agent/tenant-host.js';
import { driveHost } from '../../src/agent-client/local-driver.js';
import { createLogger } from '../../src/log.js';
import { type Identity, loadIdentity } from '../../src/pki/identity.js';
import type { AgentEvent, Hosts, ToAgents } from './agents.js';
import { startFloorServer } from './floor-server.js';
import { nowMs } from './monotonic.js';
import { createStubMachine, type StubMachine } from './stub-machine.js';

const log = await createLogger({ level: 'error', pretty: false });
const machines = new Map<string, StubMachine>();

process.on('message', (message: ToAgents) => {
  if ('kill' in message) machines.get(message.host)?.kill(message.kill);
  else void startAll(message);
});
process.once('disconnect', () => process.exit());

function tell(type: AgentEvent['type'], slug: string): void {
  process.send?.({ type, slug, at: nowMs() } satisfies AgentEvent);
}

async function startAll({ root, agents }: Hosts): Promise<void> {
  const ports: { agent: number; floor: number }[] = [];
  for (const { name, pki } of agents) {
    const identity = loadIdentity(pki);
    const directory = join(root, name);
    mkdirSync(directory, { recursive: true });
    ports.push({
      agent: await startAgent(name, directory, identity),
      floor: await startFloorServer(directory, `${root}-floor/${name}`, identity),
    });
  }
  process.send?.({ ports });
}

async function startAgent(name: string, root: string, identity: Identity): Promise<number> {
  const config = buildHostConfig(root, process.env);
  const machine = createStubMachine(root, (project) => tell('up', project));
  machines.set(name, machine);
  const { engine, compose } = machine;
  const driver = driveHost(createTenantHost({ config, engine, compose, hasher: createFileHasher() }));
  const told: typeof driver = {
    ...driver,
    async apply(request, options) {
      tell('asked', request.plan.slug);
      try {
        return await driver.apply(request, options);
      } finally {
        tell('applied', request.plan.slug);
      }
    },
  };
  const info = async () => ({}) as never;
  const { app } = buildAgent({ driver: told, info, identity, log });
  await app.listen({ host: '127.0.0.1', port: 0 });
  return (app.server.address() as AddressInfo).port;
}
