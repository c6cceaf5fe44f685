import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TenantDriver } from '../../src/agent-client/tenant-driver.js';
import { reconcile } from '../../src/controller/reconcile.js';
import type { ReconcileItem, ReconcileOptions, ReconcileReport } from '../../src/controller/report.js';
import type { DesiredHost } from '../../src/manifest/desired-state.js';
import { loadDesiredState } from '../../src/manifest/load.js';
import { createRenderer } from '../../src/render/create-renderer.js';
import { loadTemplates } from '../../src/render/load-template.js';
import { docker, engine } from './engine.js';

/** Every compose project of these tests starts with it: what a crashed run left behind can be found. */
const PREFIX = 'fl-test-';

export interface ContainerNow {
  id: string;
  service: string;
  /** Such as `v1.0.0`. */
  tag: string;
  state: string;
  status: string;
}

/**
 * A small fleet on one host, in a temporary directory, on the real engine: a template `app` with one image tag, one
 * mounted configuration and tenant content. Every test makes its own.
 */
export interface TestFleet {
  dir: string;
  manifests: string;
  templates: string;
  root: string;
  /** A slug, and project name, that no other test uses. */
  slug(name: string): string;
  writeInstance(slug: string, spec: Record<string, unknown>): void;
  writeTemplate(files: Record<string, string>, spec?: string): void;
  tenantDir(slug: string): string;
  writeTenant(slug: string, files: Record<string, string>): void;
  readTenant(slug: string, path: string): string | null;
  run(options?: Partial<ReconcileOptions>): Promise<ReconcileReport>;
  runOne(slug: string, options?: Partial<ReconcileOptions>): Promise<ReconcileItem>;
  containers(slug: string): Promise<ContainerNow[]>;
  cleanUp(): Promise<void>;
}

export const APP_COMPOSE = `services:
  web:
    image: "{{values.registry}}/flotilla-test/app:{{imageTag}}"
    command: [serve]
    environment:
      GREETING: "\${GREETING:-hello}"
    volumes:
      - ./web.conf:/etc/web.conf:ro
      - ./content:/content:ro
    healthcheck: { test: [CMD, /bin/healthy], interval: 1s, retries: 2 }
    stop_grace_period: 2s
  job:
    image: "{{values.registry}}/flotilla-test/app:{{imageTag}}"
    command: [once]
    restart: "no"
`;

const APP_TEMPLATE = `apiVersion: flotilla.dev/v1
kind: Template
metadata: { name: app }
spec:
  compose: docker-compose.yml
  tenantCompose: [docker-compose.override.yml]
`;

export function createFleet(
  makeDriver: (host: DesiredHost, dir: string) => Promise<TenantDriver> | TenantDriver,
): TestFleet {
  const dir = mkdtempSync(join(tmpdir(), 'flotilla-fleet-'));
  const run = randomBytes(4).toString('hex');
  const at = (...names: string[]) => join(dir, ...names);
  const drivers = new Map<string, TenantDriver>();
  const write = (path: string, text: string) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };
  for (const name of ['manifests', 'templates', 'hosts/one']) mkdirSync(at(name), { recursive: true });
  write(
    at('manifests/fleet.yaml'),
    `apiVersion: flotilla.dev/v1
kind: Fleet
metadata: { name: production }
spec:
  template: app
  imageTag: v1.0.0
  values: { registry: "${engine().registry}" }
  timeouts: { pull: 1m, up: 1m, verify: 20s, settle: 1s }
---
apiVersion: flotilla.dev/v1
kind: Host
metadata: { name: one }
spec: { local: ../hosts/one }
`,
  );
  const fleet: TestFleet = {
    dir,
    manifests: at('manifests'),
    templates: at('templates'),
    root: at('hosts/one'),
    slug: (name) => `${PREFIX}${run}-${name}`,
    writeInstance(slug, spec) {
      const document = {
        apiVersion: 'flotilla.dev/v1',
        kind: 'Instance',
        metadata: { name: slug },
        spec: { fleet: 'production', host: 'one', ...spec },
      };
      write(at('manifests', `${slug}.json`), JSON.stringify(document, null, 2));
    },
    writeTemplate(files, spec = APP_TEMPLATE) {
      rmSync(at('templates/app'), { recursive: true, force: true });
      write(at('templates/app/template.yaml'), spec);
      for (const [path, text] of Object.entries(files)) write(at('templates/app/files', path), text);
    },
    tenantDir: (slug) => at('hosts/one', slug),
    writeTenant(slug, files) {
      for (const [path, text] of Object.entries(files)) write(at('hosts/one', slug, path), text);
    },
    readTenant(slug, path) {
      const file = at('hosts/one', slug, path);
      return existsSync(file) ? readFileSync(file, 'utf8') : null;
    },
    async run(options = {}) {
      const desired = await loadDesiredState({ manifests: at('manifests'), templates: at('templates') });
      for (const host of desired.hosts.values()) {
        if (!drivers.has(host.name)) drivers.set(host.name, await makeDriver(host, dir));
      }
      const deps = {
        desired,
        templates: await loadTemplates(at('templates')),
        driverFor: (host: DesiredHost) => drivers.get(host.name) as TenantDriver,
        now: () => new Date(),
        newId: () => randomUUID(),
        renderer: createRenderer(),
      };
      return reconcile(deps, {
        slugs: [],
        dryRun: false,
        filesOnly: false,
        concurrency: 4,
        ignoreHold: false,
        ignoreWindow: false,
        ...options,
      });
    },
    async runOne(slug, options = {}) {
      const report = await fleet.run({ ...options, slugs: [slug] });
      return report.items[0] as ReconcileItem;
    },
    containers: listContainers,
    async cleanUp() {
      for (const driver of drivers.values()) await driver.close();
      const slugs = existsSync(at('hosts/one')) ? readdirSync(at('hosts/one')) : [];
      await removeProjects(run, slugs);
      rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
    },
  };
  fleet.writeTemplate({ 'docker-compose.yml.mustache': APP_COMPOSE, 'web.conf.mustache': 'tag {{imageTag}}\n' });
  return fleet;
}

async function listContainers(project: string): Promise<ContainerNow[]> {
  const format = '{{.ID}}|{{.Label "com.docker.compose.service"}}|{{.Image}}|{{.State}}|{{.Status}}';
  const out = await docker([
    'ps',
    '--all',
    '--no-trunc',
    '--filter',
    `label=com.docker.compose.project=${project}`,
    '--format',
    format,
  ]);
  return out
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [id = '', service = '', image = '', state = '', status = ''] = line.split('|');
      return { id, service, tag: image.slice(image.lastIndexOf(':') + 1), state, status };
    })
    .sort((a, b) => (a.service < b.service ? -1 : 1));
}

async function removeProjects(run: string, projects: readonly string[]): Promise<void> {
  const labels = (await docker(['ps', '--all', '--format', '{{.Label "com.docker.compose.project"}}'])).split('\n');
  const own = new Set([...labels.filter((label) => label.startsWith(`${PREFIX}${run}-`)), ...projects]);
  for (const project of own) {
    const filter = `label=com.docker.compose.project=${project}`;
    for (const [list, remove] of [
      [
        ['ps', '--all', '--quiet'],
        ['rm', '--force', '--volumes'],
      ],
      [
        ['network', 'ls', '--quiet'],
        ['network', 'rm'],
      ],
      [
        ['volume', 'ls', '--quiet'],
        ['volume', 'rm', '--force'],
      ],
    ] as const) {
      const ids = (await docker([...list, '--filter', filter])).split('\n').filter(Boolean);
      if (ids.length > 0) await docker([...remove, ...ids]);
    }
  }
}
