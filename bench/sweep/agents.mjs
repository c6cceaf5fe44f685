// Several agents in one process, on loopback, with an engine that has no containers; and beside each a bare HTTPS server,
// the floor. Started with an IPC channel and told `{ root, agents: [{ name, pki }] }`; says `{ ports: [{ agent, floor }] }`.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { buildHostConfig } from '../../dist/agent/host.js';
import { buildAgent } from '../../dist/agent/server/build-agent.js';
import { driveHost, openHost } from '../../dist/agent-client/local-driver.js';
import { createLogger } from '../../dist/log.js';
import { loadIdentity } from '../../dist/pki/identity.js';

const FILES = ['config/app.yml', 'docker-compose.yml', 'nginx/nginx.conf'];
const log = await createLogger({ level: 'error', pretty: false });

process.once('message', async ({ root, agents }) => {
  const ports = [];
  for (const { name, pki } of agents) {
    const identity = loadIdentity(pki);
    ports.push({
      agent: await startAgent(join(root, name), identity),
      floor: await startFloor(join(root, name), identity),
    });
  }
  process.send({ ports });
});
process.once('disconnect', () => process.exit());

async function startAgent(root, identity) {
  const host = openHost(buildHostConfig(root, process.env));
  const engine = { ...host.engine, listProjectContainers: async () => [] };
  const info = async () => ({});
  const { app } = buildAgent({ driver: driveHost({ ...host, engine }), info, identity, log });
  await app.listen({ host: '127.0.0.1', port: 0 });
  return app.server.address().port;
}

/**
 * Reads the request, looks at the managed files (`stat`, or `hash`: reads and hashes them, too), and answers with as many
 * bytes as it is told.
 */
async function startFloor(root, { ca, cert, key }) {
  const server = createServer({ ca, cert, key, requestCert: true, minVersion: 'TLSv1.3' }, (request, response) => {
    request.resume();
    request.once('end', () => {
      const hash = request.url === '/hash';
      for (const tenant of readdirSync(root)) {
        for (const file of FILES) {
          const path = join(root, tenant, file);
          statSync(path, { bigint: true });
          if (hash) createHash('sha256').update(readFileSync(path)).digest('hex');
        }
      }
      response.end(Buffer.alloc(Number(request.headers['x-answer'])));
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server.address().port;
}
