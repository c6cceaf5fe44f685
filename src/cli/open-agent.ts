import { resolve } from 'node:path';
import { requireAgent } from '../agent/check/check-certificate.js';
import { requireRoot } from '../agent/check/check-root.js';
import { describeHost } from '../agent/describe-host.js';
import { buildHostConfig } from '../agent/host.js';
import { recoverInstances } from '../agent/recover-instances.js';
import { type Agent, buildAgent } from '../agent/server/build-agent.js';
import { driveHost, openHost } from '../agent-client/local-driver.js';
import type { Logger } from '../log.js';
import type { Identity } from '../pki/identity.js';
import { createIdentityStore, type IdentityStore } from '../pki/identity-store.js';
import type { Io } from './io.js';

export interface OpenAgent {
  agent: Agent;
  store: IdentityStore;
  identity: Identity;
  /** Finishes what has begun. */
  close(): Promise<void>;
}

/**
 * The composition root of the agent: completes what was interrupted, and gives a server that does not listen yet.
 *
 * @throws FlotillaError PkiInvalid, HostRootMissing
 */
export async function openAgent(options: {
  root: string;
  pki: string;
  log: Logger;
  version: string;
  io: Io;
}): Promise<OpenAgent> {
  const { log, version } = options;
  const store = createIdentityStore(options.pki, (err) => log.error({ err }, 'cannot use the new certificates'));
  const identity = requireAgent(store.current(), options.pki);
  const root = resolve(options.root);
  requireRoot(root);
  for (const { directory, error } of await recoverInstances(root)) {
    if (error) log.error({ directory, err: error }, 'cannot complete an interrupted commit');
    else log.info({ directory }, 'completed an interrupted commit');
  }
  const host = openHost(buildHostConfig(root, options.io.env));
  const driver = driveHost(host);
  const agent = buildAgent({
    driver,
    info: () => describeHost(host, { name: identity.name, version }),
    identity,
    log,
  });
  return {
    agent,
    store,
    identity,
    close: async () => {
      await agent.close();
      await driver.close();
    },
  };
}
