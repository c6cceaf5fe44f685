import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildHostConfig } from '../../src/agent/host.js';
import { createLocalDriver } from '../../src/agent-client/local-driver.js';
import { docker } from '../support/engine.js';
import { createFleet, type TestFleet } from '../support/fleet.js';

let fleet: TestFleet;
beforeAll(() => {
  fleet = createFleet((host) => {
    if (host.kind !== 'local') throw new Error(`${host.name} is not local`);
    return createLocalDriver(buildHostConfig(host.root, process.env));
  });
});
afterAll(() => fleet.cleanUp());

const IMAGE = '{{values.registry}}/flotilla-test/app:{{imageTag}}';

/** `web` waits for `db`, whose health is what its configuration says. */
const compose = (configuration: string) => `services:
  db:
    image: "${IMAGE}"
    healthcheck: { test: [CMD, grep, -q, good, /etc/db.conf], interval: 300ms, retries: 2 }
    stop_grace_period: 1s
    ${configuration}
  web:
    image: "${IMAGE}"
    depends_on: { db: { condition: service_healthy } }
    stop_grace_period: 1s
`;

const INLINE = `${compose('configs: [{ source: db, target: /etc/db.conf }]')}configs: { db: { content: "{{values.state}}" } }
`;

it.each([
  {
    way: 'a mounted file',
    files: {
      'docker-compose.yml.mustache': compose('volumes: [./db.conf:/etc/db.conf:ro]'),
      'db.conf.mustache': '{{values.state}}\n',
    },
  },
  {
    way: 'an inline config',
    files: { 'docker-compose.yml.mustache': INLINE },
  },
])(
  'a release with broken configuration in $way is mended by the next one, though others wait for it',
  async ({ way, files }) => {
    const slug = fleet.slug(way.replaceAll(' ', '-'));
    fleet.writeTemplate(files);
    const want = (state: string) =>
      fleet.writeInstance(slug, { values: { state }, timeouts: { up: '20s', verify: '5s', settle: '200ms' } });
    want('good');
    expect(await fleet.runOne(slug)).toMatchObject({ result: 'converged' });
    want('bad');
    expect(await fleet.runOne(slug)).toMatchObject({ result: 'failed' });
    want('good again');
    const { result, error } = await fleet.runOne(slug);
    expect(error).toBeNull();
    expect(result).toBe('converged');
    expect(await fleet.runOne(slug)).toMatchObject({ result: 'inSync' });
  },
  120_000,
);

it('a container that a killed up left created is made anew: it would start without its configs', async () => {
  const slug = fleet.slug('created');
  fleet.writeTemplate({ 'docker-compose.yml.mustache': INLINE });
  fleet.writeInstance(slug, { values: { state: 'good' }, timeouts: { up: '20s', verify: '5s', settle: '200ms' } });
  expect(await fleet.runOne(slug)).toMatchObject({ result: 'converged' });
  const idOf = async () => (await fleet.containers(slug)).find(({ service }) => service === 'db')?.id ?? '';
  await docker(['rm', '--force', await idOf()]);
  await docker(['compose', '-p', slug, 'create', 'db'], { cwd: fleet.tenantDir(slug) });
  const created = await idOf();

  expect(await fleet.runOne(slug)).toMatchObject({ result: 'converged' });
  expect(await idOf()).not.toBe(created);
  expect(await docker(['exec', await idOf(), 'cat', '/etc/db.conf'])).toBe('good');
}, 120_000);

it.each([
  { code: 0, expected: [] },
  { code: 4, expected: [{ service: 'job', action: 'start', cause: 'exited with code 4' }] },
])(
  'a one-shot that outlasts the settle time may end with 0, and with nothing else: $code',
  async ({ code, expected }) => {
    const slug = fleet.slug(`job-${code}`);
    const job = `{ image: "${IMAGE}", entrypoint: [sh, -c, "sleep 4; exit ${code}"], restart: "no" }`;
    fleet.writeTemplate({ 'docker-compose.yml.mustache': `services:\n  job: ${job}\n` });
    fleet.writeInstance(slug, { timeouts: { up: '20s', verify: '5s', settle: '100ms' } });
    expect(await fleet.runOne(slug)).toMatchObject({ result: 'converged' });
    const [{ id, state } = { id: '', state: '' }] = await fleet.containers(slug);
    expect(state).toBe('running');
    expect(await fleet.runOne(slug)).toMatchObject({ result: 'inSync' });
    expect(await docker(['wait', id])).toBe(`${code}`);
    const { plan } = await fleet.runOne(slug, { dryRun: true });
    expect(plan?.containers?.filter(({ action }) => action !== 'none') ?? []).toEqual(expected);
    await docker(['rm', id]);
    expect(await fleet.runOne(slug, { dryRun: true })).toMatchObject({ result: 'inSync' });
  },
  120_000,
);
