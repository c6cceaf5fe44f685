import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { forecastServices } from '../../src/agent/compose/forecast.js';
import type { AppliedRecord } from '../../src/agent/state/applied-record.js';
import type { RenderedFile } from '../../src/render/file-set.js';
import { CALL, dockerHost } from '../support/docker-host.js';
import { appliedView, desiredTenant } from '../support/plan-fixtures.js';

const host = dockerHost();

/** `%` stands for the `$` of a compose file. */
function rendered(files: Record<string, string>): RenderedFile[] {
  return Object.entries(files).map(([path, text]) => {
    const content = Buffer.from(text.replaceAll('%', '$'));
    const sha256 = createHash('sha256').update(content).digest('hex');
    return { path, content, sha256, mode: 0o644, size: content.length, sensitive: false, ownership: 'Managed' };
  });
}

/** An instance directory with these files (none: it does not exist), and an empty one for shadows. */
async function createTenant(files: Record<string, string> | null) {
  const parent = await mkdtemp(join(tmpdir(), 'flotilla-'));
  const tenantDir = join(parent, 'acme');
  const base = join(parent, 'tmp');
  await mkdir(base);
  for (const { path, content } of rendered(files ?? {})) {
    await mkdir(dirname(join(tenantDir, path)), { recursive: true });
    await writeFile(join(tenantDir, path), content);
  }
  return {
    tenantDir,
    base,
    forecast: (
      next: Record<string, string>,
      { record = null, removes = [] }: { record?: AppliedRecord | null; removes?: string[] } = {},
    ) =>
      forecastServices({
        host,
        tenantDir,
        base,
        tenant: desiredTenant({ tenantCompose: ['docker-compose.override.yml'] }),
        files: rendered(next),
        removes,
        record,
      }),
    [Symbol.asyncDispose]: () => rm(parent, { recursive: true, force: true }),
  };
}

/** The record after these services were brought up as a forecast described them. */
async function recordOf({ next }: Awaited<ReturnType<typeof forecastServices>>): Promise<AppliedRecord> {
  const services = Object.values(next?.services ?? {}).map(({ name, definition, inline }) => ({
    name,
    definition,
    inline,
    count: 1,
    completed: false,
    imageIds: [],
    configHashes: [],
  }));
  const composeVersion = await host.compose.version(CALL);
  return { ...appliedView({}), compose: ['docker-compose.yml'], tenantCompose: [], services, composeVersion };
}

const V1 = `services:
  api: { image: "app:%{TAG}", environment: { SECRET: "%{DB_PASSWORD}" } }
  web: { image: "nginx:1", volumes: ["./nginx:/etc/nginx:ro", "/etc/hosts:/h"], deploy: { replicas: 2 } }
`;

it('calls every service of a new instance new', async () => {
  await using tenant = await createTenant(null);
  const { forecast, refused } = await tenant.forecast({ 'docker-compose.yml': V1, '.env': 'TAG=v1\nDB_PASSWORD=x\n' });
  expect(refused).toBeNull();
  expect(forecast).toEqual([
    {
      name: 'api',
      image: 'app:$' + '{TAG}',
      previousImage: null,
      replicas: 1,
      oneShot: false,
      mounts: [],
      sharesWith: [],
      definition: 'new',
      inlineChanged: false,
    },
    {
      name: 'web',
      image: 'nginx:1',
      previousImage: null,
      replicas: 2,
      oneShot: false,
      mounts: ['nginx'],
      sharesWith: [],
      definition: 'new',
      inlineChanged: false,
    },
  ]);
});

it('tells the services that an upgrade redefines from those it leaves alone, without writing in the instance', async () => {
  const files = { 'docker-compose.yml': V1, '.env': 'TAG=v1\nDB_PASSWORD=x\n', 'nginx/nginx.conf': 'old' };
  await using tenant = await createTenant(files);
  const record = await recordOf(await tenant.forecast(files));
  const next = { 'docker-compose.yml': V1.replace('nginx:1', 'nginx:2'), 'nginx/nginx.conf': 'new' };
  const { forecast } = await tenant.forecast(next, { record });
  expect(forecast).toMatchObject([
    { name: 'api', definition: 'same' },
    { name: 'web', definition: 'update', image: 'nginx:2', previousImage: 'nginx:1', mounts: ['nginx'] },
  ]);
  expect(await readFile(join(tenant.tenantDir, 'docker-compose.yml'), 'utf8')).toContain('nginx:1');
  expect(await readdir(tenant.tenantDir)).toEqual(['.env', 'docker-compose.yml', 'nginx']);
  expect(await readdir(tenant.base)).toEqual([]);
});

it('finds the services whose meaning changed because the .env was edited, or is rendered anew', async () => {
  const files = { 'docker-compose.yml': V1, '.env': 'TAG=v1\nDB_PASSWORD=x\n' };
  await using tenant = await createTenant(files);
  const record = await recordOf(await tenant.forecast(files));
  await writeFile(join(tenant.tenantDir, '.env'), 'TAG=v1\nDB_PASSWORD=edited\n');
  const definitions = async (next: Record<string, string>) =>
    (await tenant.forecast(next, { record })).forecast?.map(({ name, definition }) => `${name} ${definition}`);
  expect(await definitions({ 'docker-compose.yml': V1 })).toEqual(['api environment', 'web same']);
  expect(await definitions({ '.env': 'TAG=v2\nDB_PASSWORD=x\n', 'docker-compose.yml': V1 })).toEqual([
    'api update',
    'web same',
  ]);
  expect(await definitions(files)).toEqual(['api same', 'web same']);
});

it('compares with the files that are there when nothing was brought up by us', async () => {
  await using tenant = await createTenant({ 'docker-compose.yml': V1, '.env': 'TAG=v1\nDB_PASSWORD=x\n' });
  const { forecast } = await tenant.forecast({
    'docker-compose.yml': `${V1.replace('nginx:1', 'nginx:2')}  new: { image: "new:1" }\n`,
  });
  expect(forecast?.map(({ name, definition }) => `${name} ${definition}`)).toEqual([
    'api same',
    'new new',
    'web update',
  ]);
});

it("uses the tenant's own override, and mends files that compose cannot read", async () => {
  await using tenant = await createTenant({
    'docker-compose.yml': 'services: [broken\n',
    'docker-compose.override.yml':
      'services: { web: { image: "custom:1", volumes: ["./data:/data"] }, extra: { image: "x:1" } }\n',
  });
  const { forecast, refused } = await tenant.forecast({ 'docker-compose.yml': V1 });
  expect(refused).toBeNull();
  expect(forecast).toMatchObject([
    { name: 'api' },
    { name: 'extra', image: 'x:1', definition: 'new' },
    { name: 'web', image: 'custom:1', mounts: ['data', 'nginx'] },
  ]);
});

it('notices inline contents, which compose does not', async () => {
  const text = (content: string) =>
    `services: { web: { image: "x:1", configs: [c] } }\nconfigs: { c: { content: "${content}" } }\n`;
  await using tenant = await createTenant({ 'docker-compose.yml': text('one') });
  expect((await tenant.forecast({ 'docker-compose.yml': text('two') })).forecast).toMatchObject([
    { name: 'web', definition: 'same', inlineChanged: true },
  ]);
});

it.each([
  [
    'a required variable that is missing',
    'services: { web: { image: "x:%{NEEDED:?set it}" } }',
    { code: 'EnvMissing', message: 'the compose file requires the variable NEEDED, which has no value' },
  ],
  [
    'an unknown key',
    'services: { web: { image: x, imagge: y } }',
    { code: 'ComposeInvalid', message: 'docker-compose.yml: services.web holds the unknown key imagge' },
  ],
  [
    'a file that would be removed',
    'services: { web: { image: x, env_file: [old.env] } }',
    { code: 'EnvInvalid', message: 'the env_file old.env is not there' },
  ],
])('says that compose refuses the new files for %s', async (_, text, refused) => {
  await using tenant = await createTenant({ 'docker-compose.yml': V1, 'old.env': 'A=1\n' });
  const outcome = await tenant.forecast({ 'docker-compose.yml': text }, { removes: ['old.env'] });
  expect(outcome).toMatchObject({ forecast: [], refused, next: null });
  expect(await readdir(tenant.base)).toEqual([]);
});
