import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeHost } from '../../src/agent/describe-host.js';
import { buildHostConfig } from '../../src/agent/host.js';
import { type Agent, type AgentLimits, buildAgent } from '../../src/agent/server/build-agent.js';
import { driveHost, openHost } from '../../src/agent-client/local-driver.js';
import { createRemoteDriver, type RemotePatience } from '../../src/agent-client/remote-driver.js';
import type { TenantDriver } from '../../src/agent-client/tenant-driver.js';
import { createLogger, type Logger } from '../../src/log.js';
import { loadIdentity } from '../../src/pki/identity.js';
import { makePki, type Pki } from './pki.js';

export interface TestAgent {
  agent: Agent;
  /** What the agent itself works with. */
  driver: TenantDriver;
  name: string;
  /** An https origin on loopback. */
  url: string;
  pki: Pick<Pki, 'agents' | 'controllers'>;
  /** A driver with the controller's certificate; `url` is that of something between both. */
  connect(options?: { url?: string; patience?: RemotePatience }): TenantDriver;
  close(): Promise<void>;
}

/** A real agent on loopback with certificates of its own, in this process, for the tenants below `root`. */
export async function startAgent(
  root: string,
  options: {
    name?: string;
    pki?: Pick<Pki, 'agents' | 'controllers'>;
    limits?: Partial<AgentLimits>;
    driver?: TenantDriver;
    log?: Logger;
    /** Where docker and the engine are, instead of this process's. */
    env?: Record<string, string>;
  } = {},
): Promise<TestAgent> {
  const { name = 'one', limits = {} } = options;
  const pki = options.pki ?? (await makePki(mkdtempSync(join(tmpdir(), 'flotilla-pki-')), { agents: [{ name }] }));
  const host = openHost(buildHostConfig(root, { ...process.env, ...options.env }));
  const driver = options.driver ?? driveHost(host);
  const agent = buildAgent({
    driver,
    info: () => describeHost(host, { name, version: 'test' }),
    identity: loadIdentity(pki.agents[name] as string),
    log: options.log ?? (await createLogger({ level: 'error', pretty: false })),
    limits,
  });
  await agent.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = agent.app.server.address() as { port: number };
  const url = `https://127.0.0.1:${port}`;
  const controller = loadIdentity(pki.controllers.controller as string);
  return {
    agent,
    driver,
    name,
    url,
    pki,
    connect: (to = {}) => createRemoteDriver({ name, url: to.url ?? url }, () => controller, to.patience),
    close: async () => {
      await agent.close();
      await driver.close();
    },
  };
}
