import { afterAll, describe, expect, it } from 'vitest';
import { loadComposeModel } from '../../src/agent/compose/load-compose-model.js';
import { verifyServices } from '../../src/agent/engine/verify.js';
import { createComposeProject } from '../support/compose-project.js';
import { appImage, asProject, CALL, dockerHost } from '../support/docker-host.js';
import { docker } from '../support/engine.js';

const host = dockerHost();

afterAll(() => host.engine.close());

const HEALTH = 'healthcheck: { test: [CMD, /bin/healthy], interval: 300ms, retries: 2 }';

/** Brings the services up and verifies them; what comes of it, and how long the verification took. */
async function bringUpAndVerify(services: string) {
  await using tenant = await createComposeProject({ 'docker-compose.yml': services.replaceAll('IMAGE', appImage()) });
  const project = asProject(tenant);
  const model = await loadComposeModel(host, project, tenant.directory, CALL);
  const since = Date.now();
  await host.compose.up(project, CALL);
  const start = performance.now();
  const outcome = await verifyServices({
    project: tenant.name,
    model,
    since,
    list: () => host.engine.listProjectContainers({ project: tenant.name }),
    inspect: (id) => host.engine.inspectContainer(id),
    timeouts: { verifyMs: 30_000, settleMs: 1_000 },
  }).then(
    (containers) => containers.map(({ service, state, exitCode, health }) => ({ service, state, exitCode, health })),
    (error) => ({ code: error.code, message: error.message, hint: error.hint.replace(tenant.name, 'PROJECT') }),
  );
  return { outcome, ms: performance.now() - start };
}

describe('a stack that came up', () => {
  it('is in order one settle time after it is healthy and its migration has ended', async () => {
    const { outcome, ms } = await bringUpAndVerify(`services:
  migrate: { image: IMAGE, command: [once], restart: "no" }
  web: { image: IMAGE, ${HEALTH}, depends_on: { migrate: { condition: service_completed_successfully } } }
  worker: { image: IMAGE, deploy: { replicas: 2 }, restart: always }`);
    expect(outcome).toHaveLength(4);
    expect(outcome).toEqual(
      expect.arrayContaining([
        { service: 'migrate', state: 'exited', exitCode: 0, health: null },
        { service: 'web', state: 'running', exitCode: null, health: 'healthy' },
        { service: 'worker', state: 'running', exitCode: null, health: null },
      ]),
    );
    expect(ms).toBeLessThan(5_000);
  });
});

describe('a stack that only looks as if it came up', () => {
  it('fails for a crash loop without a healthcheck, soon', async () => {
    const { outcome, ms } = await bringUpAndVerify(`services:
  web: { image: IMAGE }
  worker: { image: IMAGE, command: [crash], restart: always }`);
    expect(outcome).toEqual({
      code: 'VerifyFailed',
      message: expect.stringMatching(/^worker: restarted \d+ times in \d+ s, exit code 1$/),
      hint: 'Look at docker compose -p PROJECT logs worker on the host.',
    });
    expect(ms).toBeLessThan(15_000);
  });

  it('fails for a service that never gets healthy, as soon as the engine says so', async () => {
    const { outcome, ms } = await bringUpAndVerify(
      `services: { web: { image: IMAGE, command: [never-healthy], ${HEALTH} } }`,
    );
    expect(outcome).toMatchObject({ code: 'VerifyFailed', message: 'web: unhealthy, its health command ends with 1' });
    expect(ms).toBeLessThan(10_000);
  });

  it('fails for a service that crashes a moment later', async () => {
    const { outcome } = await bringUpAndVerify('services: { web: { image: IMAGE, command: [crash, "0.6"] } }');
    expect(outcome).toMatchObject({ code: 'VerifyFailed', message: 'web: exited with code 1' });
  });
});

it('lists one project or all of them, without one-off containers, and removes containers but not their volumes', async () => {
  await using tenant = await createComposeProject({
    'docker-compose.yml': `services: { web: { image: ${appImage()}, volumes: ["data:/data"] } }\nvolumes: { data: {} }`,
  });
  await host.compose.up(asProject(tenant), CALL);
  await tenant.compose('run', '-d', 'web', 'serve');
  const mine = await host.engine.listProjectContainers({ project: tenant.name });
  expect(mine).toMatchObject([
    { service: 'web', state: 'running', workingDir: tenant.directory, number: 1, image: appImage() },
  ]);
  expect(await host.engine.listProjectContainers()).toEqual(
    expect.arrayContaining([expect.objectContaining({ id: mine[0]?.id })]),
  );

  const ids = mine.map(({ id }) => id);
  await host.engine.stopAndRemove(ids, { timeoutMs: 20_000 });
  expect(await host.engine.listProjectContainers({ project: tenant.name })).toEqual([]);
  expect(await docker(['volume', 'ls', '-q', '--filter', `name=${tenant.name}_data`])).toBe(`${tenant.name}_data`);
});
