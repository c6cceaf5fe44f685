import { open, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { ComposeEvent } from '../../src/agent/compose/compose-progress.js';
import { createComposeProject } from '../support/compose-project.js';
import { appImage, asProject, CALL, dockerHost } from '../support/docker-host.js';

const { compose, engine } = dockerHost();

afterEach(() => {
  delete process.env.FLOTILLA_TEST_OWN;
});

it('brings a project up, restarts, recreates and signals just the services that are named', async () => {
  await using tenant = await createComposeProject({
    'docker-compose.yml': `services: { web: { image: ${appImage()} }, db: { image: ${appImage()} } }`,
  });
  const project = asProject(tenant);
  const events: ComposeEvent[] = [];
  const call = { ...CALL, services: new Set(['web', 'db']), onEvent: (event: ComposeEvent) => events.push(event) };
  const containers = async () => {
    const list = await engine.listProjectContainers({ project: tenant.name });
    const details = await Promise.all(list.map(({ id }) => engine.inspectContainer(id)));
    return Object.fromEntries(
      list.map(({ service, id, state, exitCode }, i) => [
        service,
        { id, state, exitCode, startedAt: details[i]?.startedAt },
      ]),
    );
  };

  await compose.pull(project, call);
  await compose.up(project, call);
  const first = await containers();
  expect(first).toMatchObject({ web: { state: 'running' }, db: { state: 'running' } });
  expect(events).toContainEqual({ kind: 'service', service: 'web', status: 'started' });

  await compose.restart(project, ['web'], call);
  const restarted = await containers();
  expect(restarted.db).toEqual(first.db);
  expect(restarted.web?.id).toBe(first.web?.id);
  expect(restarted.web?.startedAt).not.toBe(first.web?.startedAt);

  await compose.upForceRecreate(project, ['web'], call);
  const recreated = await containers();
  expect(recreated.db).toEqual(first.db);
  expect(recreated.web?.id).not.toBe(first.web?.id);

  await compose.signal(project, 'web', 'SIGTERM', call);
  await expect.poll(containers).toMatchObject({ web: { state: 'exited', exitCode: 0 }, db: { state: 'running' } });
});

it("takes no variable from the agent's own environment, and no project, file or engine from a tenant's .env", async () => {
  await using tenant = await createComposeProject({
    'docker-compose.yml': `services: { web: { image: "app:$\{FLOTILLA_TEST_OWN:-unset}" } }`,
    'other.yml': 'services: { other: { image: x } }',
    '.env': 'COMPOSE_PROJECT_NAME=other\nCOMPOSE_FILE=other.yml\nDOCKER_HOST=unix:///nowhere.sock\n',
  });
  process.env.FLOTILLA_TEST_OWN = 'set';
  const config = JSON.parse(await compose.config(asProject(tenant), CALL));
  expect(config).toMatchObject({ name: tenant.name, services: { web: { image: 'app:unset' } } });
  await compose.restart(asProject(tenant), ['web'], CALL);
});

it('names the version of compose', async () => {
  expect(await compose.version(CALL)).toMatch(/^v?\d+\.\d+\.\d+/);
});

const WAITS_FOREVER = () => `services:
  sick: { image: ${appImage()}, command: [never-healthy], healthcheck: { test: [CMD, /bin/healthy], interval: 30s } }
  web: { image: ${appImage()}, depends_on: { sick: { condition: service_healthy } } }
`;

it('ends compose when the time is over, and when the caller gives up', async () => {
  await using tenant = await createComposeProject({ 'docker-compose.yml': WAITS_FOREVER() });
  await expect(compose.up(asProject(tenant), { timeoutMs: 2_000 })).rejects.toMatchObject({
    code: 'TimedOut',
    message: 'docker compose up did not finish within 2 s',
  });
  expect(await processesOf(tenant.name)).toEqual([]);

  const signal = AbortSignal.timeout(1_000);
  await expect(compose.up(asProject(tenant), { ...CALL, signal })).rejects.toMatchObject({ code: 'Cancelled' });
  expect(await processesOf(tenant.name)).toEqual([]);
});

it('runs compose where a Ctrl-C does not reach it, with the lock held by all of it', async () => {
  await using tenant = await createComposeProject({ 'docker-compose.yml': WAITS_FOREVER() });
  await using lock = await open(join(tenant.directory, 'lock'), 'w');
  const controller = new AbortController();
  const up = compose.up(asProject(tenant), { ...CALL, lockFd: lock.fd, signal: controller.signal });
  try {
    await expect.poll(async () => (await processesOf(tenant.name)).length, { timeout: 10_000 }).toBeGreaterThan(1);
    for (const { pid, group } of await processesOf(tenant.name)) {
      expect(group).not.toBe((await statOf('self')).group);
      expect(await readlink(`/proc/${pid}/fd/3`)).toBe(join(tenant.directory, 'lock'));
    }
  } finally {
    controller.abort();
    await expect(up).rejects.toMatchObject({ code: 'Cancelled' });
  }
});

/** The docker client and its compose plugin, by the project that they are told. */
async function processesOf(project: string) {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const commands = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  const ours = pids.filter((_, i) => commands[i]?.includes(`--project-name=${project}\0`));
  return await Promise.all(ours.map(statOf));
}

async function statOf(pid: string) {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { pid, group: fields[2] };
}
