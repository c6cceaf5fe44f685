import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type ComposeProject, createComposeProject } from '../support/compose-project.js';
import { docker, engine } from '../support/engine.js';

const image = (name: string, tag = 'v1.0.0') => `${engine().registry}/${name}:${tag}`;
const HEALTH = '{ test: [CMD, /bin/healthy], interval: 200ms, timeout: 5s, retries: 100 }';

describe.concurrent('the engine that tests run on', () => {
  it('lets services find each other by name, publishes a port, and stops them by their trap', async () => {
    await using project = await createComposeProject({
      'docker-compose.yml': `
services:
  front:
    image: ${image('changemaker/nginx')}
    ports: ["127.0.0.1::80"]
    volumes: ["./conf.d:/etc/nginx/conf.d:ro"]
    healthcheck: ${HEALTH}
    depends_on: { back: { condition: service_healthy } }
  back:
    image: ${image('flotilla-test/app', 'v1.1.0')}
    healthcheck: ${HEALTH}
`,
      'conf.d/site.conf': 'server { location /back/ { proxy_pass http://back:80/; } }',
    });
    await project.compose('up', '-d', '--wait');

    expect(await fetchText(project, 'front', '/back/version')).toBe('v1.1.0\n');

    await project.compose('stop');
    expect(await exitCodes(project)).toEqual({ front: 0, back: 0 });
  });

  it('pulls from the registry an image that it does not have', async () => {
    const name = image('flotilla-test/pulled');
    await docker(['pull', '-q', name]);
    const before = await docker(['image', 'inspect', '-f', '{{.Id}}', name]);
    await docker(['image', 'rm', '-f', before]);
    await expect(docker(['image', 'inspect', name])).rejects.toThrow('No such image');

    await docker(['pull', '-q', name]);

    expect(await docker(['image', 'inspect', '-f', '{{.Id}}', name])).toBe(before);
    await expect(docker(['pull', '-q', image('flotilla-test/pulled', 'v9')])).rejects.toThrow('manifest unknown');
  });

  it('gives containers the config hash that compose computes', async () => {
    await using project = await createComposeProject({
      'docker-compose.yml': `services: { app: { image: "${image('flotilla-test/app')}" } }`,
    });
    await project.compose('up', '-d', '--wait');

    const [container] = (await project.compose('ps', '-q')).split('\n');
    const label = '{{ index .Config.Labels "com.docker.compose.config-hash" }}';
    expect(await project.compose('config', '--hash', '*')).toBe(
      `app ${await docker(['inspect', '-f', label, container ?? ''])}`,
    );
  });
});

describe.concurrent('the test images', () => {
  it('migrates before the application starts, and again with the next release', async () => {
    await using project = await createComposeProject({
      'docker-compose.yml': `
services:
  postgres:
    image: ${image('changemaker/postgres')}
    volumes: ["data:/var/lib/postgresql/data"]
    healthcheck: ${HEALTH}
  migrate:
    image: ${engine().registry}/changemaker/migrate:\${TAG}
    environment: { DATABASE_URL: "postgres://app:secret@postgres:5432/app" }
    volumes: ["data:/var/lib/postgresql/data"]
    depends_on: { postgres: { condition: service_healthy } }
  api:
    image: ${engine().registry}/changemaker/api:\${TAG}
    healthcheck: ${HEALTH}
    depends_on: { migrate: { condition: service_completed_successfully } }
volumes: { data: {} }
`,
      'old.env': 'TAG=v1.0.0\n',
      'new.env': 'TAG=v2.0.0\n',
    });
    for (const release of ['old', 'new']) {
      await project.compose('--env-file', `${release}.env`, 'up', '-d', '--wait');
    }

    const read = ['exec', '-T', 'postgres', 'cat', '/var/lib/postgresql/data/migrations.log'];
    expect(await project.compose('--env-file', 'new.env', ...read)).toBe('v1.0.0\nv2.0.0');
  });

  it.each([
    { command: 'never-healthy', retries: 3, reason: 'unhealthy' },
    { command: '[crash, "1"]', retries: 100, reason: 'exited (1)' },
    { command: '[once, "3"]', retries: 100, reason: 'exited (3)' },
  ])('fails an `up --wait` as its command $command says', async ({ command, retries, reason }) => {
    await using project = await createComposeProject({
      'docker-compose.yml': `
services:
  app:
    image: ${image('flotilla-test/app')}
    command: ${command}
    environment: { READY_AFTER: "60" }
    healthcheck: { test: [CMD, /bin/healthy], interval: 200ms, retries: ${retries} }
  other: { image: "${image('changemaker/redis')}", depends_on: { app: { condition: service_healthy } } }
`,
    });
    await expect(project.compose('up', '-d', '--wait')).rejects.toThrow(reason);
  });

  it('reads the proxy configuration again on SIGHUP, and keeps the old one when the new one is broken', async () => {
    await using project = await createComposeProject({
      'docker-compose.yml': `
services:
  nginx:
    image: ${image('changemaker/nginx')}
    ports: ["127.0.0.1::80"]
    volumes: ["conf:/etc/nginx/conf.d"]
    healthcheck: ${HEALTH}
volumes: { conf: {} }
`,
    });
    const configure = async (text: string) => {
      const write = `echo '${text}' > /etc/nginx/conf.d/site.conf && kill -HUP 1`;
      await project.compose('exec', '-T', 'nginx', 'sh', '-c', write);
    };
    await project.compose('up', '-d', '--wait');

    await configure('server { location / { return 200 "one"; } }');
    await eventually(async () => expect(await fetchText(project, 'nginx', '/')).toBe('one\n'));

    await configure('server { location / { return 200 "two"; }');
    await eventually(async () => expect(await project.compose('logs', 'nginx')).toContain('kept the old one'));
    expect(await fetchText(project, 'nginx', '/')).toBe('one\n');
  });
});

async function fetchText(project: ComposeProject, service: string, path: string): Promise<string> {
  const response = await fetch(`http://${await project.compose('port', service, '80')}${path}`);
  return response.text();
}

async function exitCodes(project: ComposeProject): Promise<Record<string, number>> {
  const lines = (await project.compose('ps', '-a', '--format', 'json')).split('\n');
  return Object.fromEntries(lines.map((line) => JSON.parse(line)).map((one) => [one.Service, one.ExitCode]));
}

/** Tries again until the assertion holds, for at most 10 seconds; then it throws what the assertion threw. */
async function eventually(assertion: () => Promise<void>): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return await assertion();
    } catch (error) {
      if (tries === 100) throw error;
    }
    await sleep(100);
  }
}
