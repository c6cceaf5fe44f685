import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type AppliedRecord, recordText } from '../src/agent/state/applied-record.js';
import { toDesiredTenant } from '../src/controller/desired-tenant.js';
import type { DesiredHost } from '../src/manifest/desired-state.js';
import { loadDesiredState } from '../src/manifest/load.js';
import { loadTemplates } from '../src/render/load-template.js';
import { renderInstance } from '../src/render/render.js';

export const OLD_TAG = 'v2.4.0';
export const NEW_TAG = 'v2.4.1';

export interface BenchFleet {
  manifests: string;
  templates: string;
  /** The root of the one host. */
  tenants: string;
}

/**
 * Writes a fleet of `count` instances, a manifest file each, that has `NEW_TAG`. Nothing is on the host: one that is this
 * machine, or `hosts` with agents, among which the instances are dealt out.
 */
export function writeFleet(directory: string, count: number, hosts: readonly string[] = []): BenchFleet {
  const fleet: BenchFleet = {
    manifests: join(directory, 'manifests'),
    templates: join(directory, 'templates'),
    tenants: join(directory, 'tenants'),
  };
  mkdirSync(fleet.tenants, { recursive: true });
  writeAll(fleet.manifests, { 'fleet.yaml': FLEET, 'host.yaml': HOST });
  if (hosts.length > 0) writeHosts(fleet, hosts, (i) => 7000 + i);
  writeAll(join(fleet.templates, 'web'), { 'template.yaml': TEMPLATE });
  for (const [path, text] of Object.entries(FILES)) write(join(fleet.templates, 'web/files', `${path}.mustache`), text);
  for (let i = 0; i < count; i++) {
    const slug = `tenant-${String(i).padStart(5, '0')}`;
    write(
      join(fleet.manifests, 'instances', `${slug}.yaml`),
      instanceManifest(slug, i, hosts[i % hosts.length] ?? 'local'),
    );
  }
  return fleet;
}

/** Where the agents of the hosts listen, on loopback. */
export function writeHosts({ manifests }: BenchFleet, hosts: readonly string[], portOf: (i: number) => number): void {
  const documents = hosts.map((name, i) => HOST_WITH_AGENT.replace('NAME', name).replace('PORT', String(portOf(i))));
  write(join(manifests, 'host.yaml'), documents.join('---\n'));
}

/** What a record says of the containers of a tenant. */
export type RecordedContainers = Pick<AppliedRecord, 'services' | 'composeVersion'>;

/**
 * Writes every tenant as it is after a verified apply of `imageTag`: its three files, the record, and its own `.env`. Without
 * `containersOf` no tenant has any.
 */
export async function writeTenants(
  fleet: BenchFleet,
  imageTag: string,
  containersOf: (project: string, directory: string) => RecordedContainers = () => ({
    services: [],
    composeVersion: '',
  }),
): Promise<void> {
  const { instances, hosts, revision } = await loadDesiredState(fleet);
  const template = (await loadTemplates(fleet.templates)).get('web');
  if (template === undefined) throw new Error('the template of the benchmark is not in order');
  for (const desired of instances) {
    const instance = { ...desired, imageTag };
    const directory = join(rootOf(fleet, hosts.get(instance.host)), instance.directory);
    const fileSet = renderInstance(template, instance);
    for (const { path, content } of fileSet.files) write(join(directory, path), content);
    write(join(directory, '.env'), "DB_PASSWORD=secret\nSMTP_PASSWORD='pa$$word'\nLOG_LEVEL=info\n");
    const { project, digest, compose, tenantCompose } = toDesiredTenant(instance, template, fileSet, revision);
    const record: AppliedRecord = {
      generation: 1,
      project,
      revision,
      imageTag,
      digest,
      template: template.name,
      files: fileSet.files.map(({ path, sha256, mode }) => ({ path, sha256, mode, createOnly: false })),
      outcome: 'verified',
      unfinished: null,
      appliedAt: '2026-01-01T00:00:00.000Z',
      lastFailure: null,
      hold: null,
      compose: [...compose],
      tenantCompose: [...tenantCompose],
      ...containersOf(project, directory),
    };
    write(join(directory, '.flotilla/applied.json'), recordText(record));
  }
}

/** An agent's host has a directory of its own. */
function rootOf({ tenants }: BenchFleet, host: DesiredHost | undefined): string {
  return host?.kind === 'agent' ? join(tenants, host.name) : tenants;
}

export function writeAll(directory: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) write(join(directory, path), text);
}

function write(path: string, text: string | Buffer): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function instanceManifest(slug: string, i: number, host: string): string {
  return `\
apiVersion: flotilla.dev/v1
kind: Instance
metadata:
  name: ${slug}
  labels: { plan: ${i % 3 === 0 ? 'large' : 'small'} }
spec:
  fleet: production
  host: ${host} # moved in spring
  registered: true
  values:
    domain: ${slug}.example.org
    port: ${20_000 + i}
`;
}

const FLEET_VALUES = {
  registry: 'registry.example.org',
  smtp: { host: 'mail.example.org', port: 587, from: 'hello@example.org' },
  features: [{ name: 'maps' }, { name: 'email' }, { name: 'surveys' }],
  upload: '50m',
};

const FLEET = `\
apiVersion: flotilla.dev/v1
kind: Fleet
metadata: { name: production }
spec:
  template: web
  imageTag: ${NEW_TAG}
  values: ${JSON.stringify(FLEET_VALUES)}
`;

const HOST = `\
apiVersion: flotilla.dev/v1
kind: Host
metadata: { name: local }
spec: { local: ../tenants }
`;

const HOST_WITH_AGENT = `\
apiVersion: flotilla.dev/v1
kind: Host
metadata: { name: NAME }
spec: { agent: "https://127.0.0.1:PORT" }
`;

const TEMPLATE = `\
apiVersion: flotilla.dev/v1
kind: Template
metadata: { name: web }
spec:
  compose: docker-compose.yml
  tenantCompose: [docker-compose.override.yml]
  valuesSchema:
    type: object
    required: [registry, domain, port, smtp, features, upload]
    properties:
      domain: { type: string }
      port: { type: integer }
  onChange:
    - { path: nginx/nginx.conf, service: nginx, action: "Signal:SIGHUP" }
`;

const FILES: Readonly<Record<string, string>> = {
  'docker-compose.yml': `\
# {{slug}} at {{imageTag}}
x-logging: &logging
  driver: json-file
  options: { max-size: "10m", max-file: "3" }
services:
  api:
    image: {{values.registry}}/changemaker/api:{{imageTag}}
    restart: unless-stopped
    logging: *logging
    environment:
      DATABASE_URL: postgres://app:\${DB_PASSWORD:?set DB_PASSWORD}@postgres:5432/app
      REDIS_URL: redis://redis:6379/0
      PUBLIC_URL: https://{{values.domain}}
      SMTP_HOST: "{{values.smtp.host}}"
      SMTP_PORT: "{{values.smtp.port}}"
      SMTP_PASSWORD: "\${SMTP_PASSWORD}"
      LOG_LEVEL: "\${LOG_LEVEL:-info}"
    depends_on:
      postgres: { condition: service_healthy }
      redis: { condition: service_started }
      migrate: { condition: service_completed_successfully }
    volumes: [./config/app.yml:/etc/app.yml:ro]
    healthcheck: { test: [CMD, /bin/healthy], interval: 10s, retries: 3 }
  admin:
    image: {{values.registry}}/changemaker/admin:{{imageTag}}
    restart: unless-stopped
    logging: *logging
    environment: { API_URL: http://api:4000, PUBLIC_URL: https://{{values.domain}}/admin }
    depends_on: [api]
  worker:
    image: {{values.registry}}/changemaker/worker:{{imageTag}}
    restart: unless-stopped
    logging: *logging
    environment: { REDIS_URL: redis://redis:6379/0, LOG_LEVEL: "\${LOG_LEVEL:-info}" }
    depends_on: [api]
  migrate:
    image: {{values.registry}}/changemaker/migrate:{{imageTag}}
    restart: "no"
    environment: { DATABASE_URL: "postgres://app:\${DB_PASSWORD}@postgres:5432/app" }
    depends_on: { postgres: { condition: service_healthy } }
  postgres:
    image: {{values.registry}}/changemaker/postgres:15
    restart: unless-stopped
    environment: { POSTGRES_PASSWORD: "\${DB_PASSWORD}" }
    volumes: [db:/var/lib/postgresql/data]
    healthcheck: { test: [CMD, /bin/healthy], interval: 10s, retries: 3 }
  redis:
    image: {{values.registry}}/changemaker/redis:7
    restart: unless-stopped
  nginx:
    image: {{values.registry}}/changemaker/nginx:{{imageTag}}
    restart: unless-stopped
    ports: ["127.0.0.1:{{values.port}}:80"]
    volumes: [./nginx/nginx.conf:/etc/nginx/nginx.conf:ro, ./content:/content:ro]
    depends_on: [api, admin]
volumes:
  db: {}
`,
  'nginx/nginx.conf': `\
# {{slug}}
events { worker_connections 1024; }
http {
  client_max_body_size {{values.upload}};
  proxy_set_header Host $host;
  proxy_set_header X-Real-IP $remote_addr;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_set_header X-Forwarded-Proto $scheme;
  server {
    listen 80;
    server_name {{values.domain}} www.{{values.domain}};
    add_header X-Release {{imageTag}};
    add_header X-Content-Type-Options nosniff;
    location = /healthz { return 200; }
    location /api/ {
      proxy_pass http://api:4000/;
      proxy_read_timeout 60s;
    }
    location /admin/ {
      proxy_pass http://admin:3000/;
    }
{{#values.features}}
    location /{{name}}/ {
      proxy_pass http://api:4000/features/{{name}}/;
      add_header X-Feature {{name}}-{{imageTag}};
    }
{{/values.features}}
    location / {
      root /content;
      try_files $uri /index.html;
    }
  }
}
`,
  'config/app.yml': `\
release: {{imageTag}}
tenant: {{slug}}
site:
  domain: {{values.domain}}
  url: https://{{values.domain}}
  languages: [en, fr]
mail:
  host: {{values.smtp.host}}
  port: {{values.smtp.port}}
  from: {{values.smtp.from}}
uploads:
  limit: {{values.upload}}
  types: [image/png, image/jpeg, application/pdf]
features:
{{#values.features}}
  {{name}}:
    enabled: true
    since: "{{imageTag}}"
{{/values.features}}
assets:
  base: https://{{values.domain}}/assets/{{imageTag}}
`,
};
