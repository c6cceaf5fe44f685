import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Agent } from 'undici';
import { buildHostConfig } from '../src/agent/host.js';
import { driveHost, openHost } from '../src/agent-client/local-driver.js';
import type { Comparison } from './compare.js';

const INSTANCES = 100;
const SERVICES = 4;
/** Creating is what the engine is slow at. */
const AT_ONCE = 8;

/**
 * One observation of a host of 100 instances with 400 containers, beside the engine's own answer to the one call that it
 * makes. The containers are created and never started.
 */
export async function createObserve({ scratch, runs }: { scratch: string; runs: number }): Promise<{
  comparison: Comparison;
  cleanUp(): Promise<void>;
}> {
  const registry = process.env.FLOTILLA_TEST_REGISTRY;
  if (!registry) throw new Error('no engine: scripts/engine.sh up, then eval "$(scripts/engine.sh env)"');
  const root = join(scratch, 'observe');
  const config = buildHostConfig(root, process.env);
  const dispatcher = new Agent({ connect: { socketPath: config.dockerHost.replace('unix://', '') } });
  const request = async (method: 'GET' | 'POST' | 'DELETE', path: string, body?: object) => {
    const headers = { 'content-type': 'application/json' };
    const json = body === undefined ? null : JSON.stringify(body);
    const answer = await dispatcher.request({ origin: 'http://engine', method, path, headers, body: json });
    const text = await answer.body.text();
    if (answer.statusCode >= 400) throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`);
    return text === '' ? null : JSON.parse(text);
  };
  const id = `fl-bench-${randomBytes(4).toString('hex')}`;
  const slugs = Array.from({ length: INSTANCES }, (_, i) => `${id}-${i}`);
  for (const slug of slugs) mkdirSync(join(root, slug), { recursive: true });
  const wanted = slugs.flatMap((slug) => Array.from({ length: SERVICES }, (_, i) => ({ slug, service: `s${i}` })));
  const image = `${registry}/flotilla-test/app:v1.0.0`;
  await request('POST', `/images/create?fromImage=${encodeURIComponent(image)}`).catch(() => undefined);
  const ids = await inTurns(wanted, async ({ slug, service }) => {
    const labels = {
      'com.docker.compose.project': slug,
      'com.docker.compose.service': service,
      'com.docker.compose.project.working_dir': join(root, slug),
      'com.docker.compose.container-number': '1',
      'com.docker.compose.oneoff': 'False',
      'com.docker.compose.config-hash': id,
    };
    return (await request('POST', '/containers/create', { Image: image, Cmd: ['serve'], Labels: labels })).Id as string;
  });
  const host = openHost(config);
  let calls = 0;
  const counted: typeof host.engine = {
    ...host.engine,
    listProjectContainers: (options) => {
      calls += 1;
      return host.engine.listProjectContainers(options);
    },
  };
  const driver = driveHost({ ...host, engine: counted });
  const requests = slugs.map((slug) => ({ slug, project: slug, directory: slug, paths: ['docker-compose.yml'] }));
  const filters = encodeURIComponent(JSON.stringify({ label: ['com.docker.compose.project'] }));
  const timed = async (work: () => Promise<unknown>) => {
    const start = performance.now();
    await work();
    return { wallMs: performance.now() - start, cpuMs: Number.NaN };
  };
  return {
    comparison: {
      name: `observe of one host: ${INSTANCES} instances, ${ids.length} containers on the real engine, one call`,
      floor: 'that call to the engine by itself',
      target: 2,
      runs: runs * 3,
      async measureOurs() {
        calls = 0;
        const sample = await timed(async () => {
          const observed = await driver.observe(requests);
          const seen = observed.reduce((sum, { services }) => sum + services.length, 0);
          if (seen !== ids.length) throw new Error(`${seen} services were observed of ${ids.length}`);
        });
        if (calls !== 1) throw new Error(`${calls} calls to the engine`);
        return sample;
      },
      measureFloor: () => timed(() => request('GET', `/containers/json?all=1&filters=${filters}`)),
    },
    cleanUp: async () => {
      await inTurns(ids, (container) => request('DELETE', `/containers/${container}?force=1`));
      await driver.close();
      await dispatcher.close();
    },
  };
}

async function inTurns<T, R>(list: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const done: R[] = [];
  for (let i = 0; i < list.length; i += AT_ONCE)
    done.push(...(await Promise.all(list.slice(i, i + AT_ONCE).map(work))));
  return done;
}
