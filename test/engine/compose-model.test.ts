import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { parseComposeModel, type ServiceModel } from '../../src/compose/model.js';
import { composeConfig, composeHash, composeJson } from '../support/compose-config.js';

type Service = Record<string, unknown>;

const BASE: Service = { image: 'x:1', command: ['run'], environment: { A: '1' }, configs: ['c'], secrets: ['s'] };

/** One change each to the service `web`; which of them recreate is for compose to say. */
const CHANGES: Record<string, Service> = {
  image: { image: 'x:2' },
  command: { command: ['run', 'more'] },
  'a variable': { environment: { A: '2' } },
  'a label': { labels: { l: '1' } },
  build: { build: { context: '.' } },
  'pull policy': { pull_policy: 'always' },
  scale: { scale: 2 },
  'an empty deploy': { deploy: {} },
  'replicas alone': { deploy: { replicas: 2 } },
  'resources beside replicas': { deploy: { replicas: 2, resources: { limits: { cpus: '1' } } } },
  'a dependency': { depends_on: ['other'] },
  'the condition of a dependency': { depends_on: { other: { condition: 'service_completed_successfully' } } },
  profiles: { profiles: ['on'] },
  'a restart policy': { restart: 'always' },
  'restart: no in so many words': { restart: 'no' },
  'a published port': { ports: ['127.0.0.1:8080:80'] },
  'a bind mount': { volumes: ['./conf:/etc/conf:ro'] },
  'a named volume': { volumes: ['v:/data'] },
  'a healthcheck': { healthcheck: { test: ['CMD', 'true'] } },
  'a disabled healthcheck': { healthcheck: { disable: true } },
  'another config': { configs: ['c', 'd'] },
  'an env_file': { env_file: 'web.env' },
  'a shared network': { network_mode: 'service:other' },
  'shared volumes': { volumes_from: ['other:ro'] },
  'an extension': { 'x-note': 'n' },
  'an annotation': { annotations: { a: '1' } },
};

function files(web: Service, content = 'one'): Record<string, string> {
  const compose = {
    services: { web, other: { image: 'y:1' } },
    configs: { c: { content }, d: { content: 'two' } },
    secrets: { s: { file: './s.txt' } },
    volumes: { v: {} },
  };
  return { 'docker-compose.yml': composeJson(compose), 'web.env': 'E=1\n', 's.txt': 's' };
}

async function examine(web: Service, content?: string): Promise<{ hash: string | undefined; model: ServiceModel }> {
  const args = ['--profile', '*'];
  const [run, hashes] = await Promise.all([
    composeConfig(files(web, content), {}, args),
    composeHash(files(web, content), {}, args),
  ]);
  const model = parseComposeModel(run.printed, {
    directory: run.directory,
    composeVersion: await version,
  });
  return { hash: hashes.get('web'), model: model.services.web ?? expect.unreachable(run.stderr) };
}

const version = execa('docker', ['compose', 'version', '--short']).then(({ stdout }) => stdout);

describe('the definition of a service changes exactly when the hash of compose does', () => {
  const base = examine(BASE);

  it.concurrent.each(Object.keys(CHANGES))('%s', async (title) => {
    const before = await base;
    const after = await examine({ ...BASE, ...CHANGES[title] });
    expect(after.hash).toMatch(/^[0-9a-f]{64}$/);
    expect(after.model.definition !== before.model.definition).toBe(after.hash !== before.hash);
  });

  it('and not for the content of a config, which the inline hash covers', async () => {
    const before = await base;
    const after = await examine(BASE, 'three');
    expect([after.hash, after.model.definition]).toEqual([before.hash, before.model.definition]);
    expect(after.model.inline).not.toBe(before.model.inline);
  });
});

describe('the model of what compose printed', () => {
  it('tells one-shot services, shared containers, mounts and replicas', async () => {
    const compose = {
      services: {
        app: {
          image: 'a:1',
          depends_on: { migrate: { condition: 'service_completed_successfully' } },
          network_mode: 'service:net',
          volumes_from: ['data:ro', 'container:elsewhere'],
          deploy: { replicas: 3, restart_policy: { condition: 'on-failure', max_attempts: 4 } },
          volumes: ['./conf:/conf', 'v:/v', 'named:/named', 'bound:/bound', '/srv/$$x:/srv'],
          configs: ['c'],
          secrets: ['s'],
        },
        migrate: { image: 'm:1' },
        task: { image: 't:1', restart: 'no' },
        net: { image: 'n:1', restart: 'unless-stopped', healthcheck: { test: 'true' } },
        data: { image: 'd:1', ipc: 'service:net', pid: 'service:net' },
        constructor: { image: 'k:1', scale: 0 },
      },
      volumes: {
        v: {},
        named: {},
        bound: { driver_opts: { type: 'none', o: 'bind', device: '/mnt/disk' } },
      },
      configs: { c: { file: './c.conf' }, unused: { file: './unused.conf' } },
      secrets: { s: { file: '../s.txt' } },
    };
    const run = await composeConfig({ 'docker-compose.yml': composeJson(compose) }, {});
    const { services } = parseComposeModel(run.printed, {
      directory: '/srv/acme',
      shadow: run.directory,
    });

    expect(services.app).toMatchObject({
      image: 'a:1',
      replicas: 3,
      restart: 'on-failure:4',
      oneShot: false,
      sharesWith: ['data', 'net'],
      hasHealthcheck: false,
    });
    expect(services.app?.mounts.filter((path) => !path.endsWith('s.txt'))).toEqual([
      '/mnt/disk',
      '/srv/$x',
      '/srv/acme/c.conf',
      '/srv/acme/conf',
    ]);
    expect(services.migrate).toMatchObject({ oneShot: true, restart: 'no' });
    expect(services.task).toMatchObject({ oneShot: true });
    expect(services.net).toMatchObject({ oneShot: false, hasHealthcheck: true, restart: 'unless-stopped' });
    expect(services.data).toMatchObject({ oneShot: false, sharesWith: ['net'] });
    expect(services.constructor).toMatchObject({ name: 'constructor', image: 'k:1', replicas: 0 });
  });
});
