import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildHostConfig } from '../../src/agent/host.js';
import { createLocalDriver } from '../../src/agent-client/local-driver.js';
import type { TenantDriver } from '../../src/agent-client/tenant-driver.js';
import { listenTo } from '../agent/support/listening.js';
import { docker, engine } from '../support/engine.js';
import { createFleet, type TestFleet } from '../support/fleet.js';

let fleet: TestFleet;
let slug: string;
let driver: TenantDriver;
let proxy: Awaited<ReturnType<typeof startProxy>>;

beforeAll(async () => {
  fleet = createFleet((host) => {
    if (host.kind !== 'local') throw new Error(`${host.name} is not local`);
    return createLocalDriver(buildHostConfig(host.root, process.env));
  });
  slug = fleet.slug('events');
  fleet.writeInstance(slug, {});
  expect((await fleet.runOne(slug)).result).toBe('converged');
  proxy = await startProxy(join(fleet.dir, 'proxy.sock'));
  driver = createLocalDriver(buildHostConfig(fleet.root, { ...process.env, DOCKER_HOST: proxy.dockerHost }));
  const [tenant] = await driver.observe([{ slug, project: slug, directory: slug, paths: ['docker-compose.yml'] }]);
  expect(tenant?.error).toBeNull();
});
afterAll(async () => {
  await driver?.close();
  proxy?.close();
  await fleet.cleanUp();
});

/** A way to the engine that can be cut. */
async function startProxy(path: string) {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(engine().dockerHost.slice('unix://'.length));
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from.on('error', () => to.destroy()).on('close', () => to.destroy()));
      from.pipe(to);
    }
  });
  const listen = () => new Promise<void>((resolve) => server.listen(path, resolve));
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  await listen();
  return { dockerHost: `unix://${path}`, close, listen };
}

const web = async () => (await fleet.containers(slug)).find(({ service }) => service === 'web')?.id ?? '';

it('tells that a container was killed, and that it was started', async () => {
  const listening = listenTo(driver.events, 30_000);
  await listening.until('resync');
  await docker(['kill', await web()]);
  await listening.until(`container ${slug} web die`);
  await docker(['start', await web()]);
  await listening.until(`container ${slug} web start`);
});

it('tells that a managed file was edited, replaced, deleted and restored', async () => {
  const listening = listenTo(driver.events, 30_000);
  await listening.until('resync');
  // Known from the applied record only: it was not asked for.
  const file = join(fleet.tenantDir(slug), 'web.conf');
  const before = readFileSync(file);
  const told = () => listening.until(`file ${slug} web.conf`);
  writeFileSync(file, 'by hand\n');
  await told();
  writeFileSync(`${file}.new`, 'replaced\n');
  renameSync(`${file}.new`, file);
  await told();
  rmSync(file);
  await told();
  writeFileSync(file, before);
  await told();
});

it('says resync when the engine is back, and tells of containers as before', async () => {
  const listening = listenTo(driver.events, 30_000);
  await listening.until('resync');
  proxy.close();
  expect(await listening.within(200)).toEqual([]);
  await proxy.listen();
  await listening.until('resync');
  await docker(['restart', '--time', '1', await web()]);
  await listening.until(`container ${slug} web restart`);
});

it('says nothing while nothing happens, though health is checked each second', async () => {
  const listening = listenTo(driver.events, 30_000);
  await listening.until('resync');
  await listening.within(3_000);
  expect(await listening.within(3_000)).toEqual([]);
});
