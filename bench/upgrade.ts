import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Comparison } from './compare.js';
import { FLOTILLA } from './comparisons.js';
import { writeAll } from './fleet.js';
import { measure, node } from './measure.js';

/** Both are in the registry: `scripts/engine.sh images` builds them. */
export const TAGS = ['v1.0.0', 'v1.1.0'] as const;

const SETTLE_MS = 1000;

export interface UpgradeBench {
  comparison: Comparison;
  cleanUp(): void;
}

/**
 * One upgrade of a stack on the real engine, with Flotilla and with bare compose, each on a project of its own. The tag
 * goes back and forth. Writing the manifest, or for bare compose the compose file, is not in the time.
 */
export function createUpgrade({ scratch, runs }: { scratch: string; runs: number }): UpgradeBench {
  const registry = process.env.FLOTILLA_TEST_REGISTRY;
  if (!registry) throw new Error('no engine: scripts/engine.sh up, then eval "$(scripts/engine.sh env)"');
  const id = `fl-bench-${randomBytes(4).toString('hex')}`;
  const directory = join(scratch, 'upgrade');
  const bare = join(directory, 'bare');
  writeAll(directory, {
    'templates/stack/template.yaml': TEMPLATE,
    'templates/stack/files/docker-compose.yml.mustache': STACK,
    'tenants/.keep': '',
  });
  const ours = node(
    ...[FLOTILLA, 'reconcile', '--quiet', '--detailed-exitcode'],
    ...['--manifests', join(directory, 'manifests'), '--templates', join(directory, 'templates')],
  );
  const compose = `docker compose -p ${id}-bare`;
  const tagOf = (run: number) => TAGS[run % 2] as string;
  return {
    comparison: {
      name: 'reconcile of one upgrade: 7 services on the real engine',
      floor: `docker compose pull && docker compose up -d --wait, and ${SETTLE_MS / 1000} s to settle`,
      target: 1.15,
      runs,
      addedMs: SETTLE_MS,
      measureOurs(run) {
        writeAll(join(directory, 'manifests'), { 'all.yaml': manifests(id, registry, tagOf(run)) });
        return measure(ours, scratch);
      },
      measureFloor(run) {
        const text = STACK.replaceAll('{{values.registry}}', registry).replaceAll('{{imageTag}}', tagOf(run));
        writeAll(bare, { 'docker-compose.yml': text });
        const script = `${compose} pull && ${compose} up -d --wait`;
        return measure({ file: 'sh', args: ['-c', script], cwd: bare }, scratch);
      },
    },
    cleanUp() {
      for (const project of [`${id}-bare`, `${id}-flotilla`]) {
        const args = ['compose', '-p', project, 'down', '--volumes', '--remove-orphans', '--timeout', '1'];
        execFileSync('docker', args, { stdio: 'ignore' });
      }
    },
  };
}

function manifests(id: string, registry: string, tag: string): string {
  return `\
apiVersion: flotilla.dev/v1
kind: Host
metadata: { name: local }
spec: { local: ../tenants }
---
apiVersion: flotilla.dev/v1
kind: Instance
metadata: { name: ${id}-flotilla }
spec:
  host: local
  template: stack
  imageTag: ${tag}
  values: { registry: "${registry}" }
  timeouts: { settle: ${SETTLE_MS / 1000}s }
`;
}

const TEMPLATE = `\
apiVersion: flotilla.dev/v1
kind: Template
metadata: { name: stack }
spec: { compose: docker-compose.yml }
`;

/** Databases stay as they are; the rest is made anew in the order of its dependencies. */
const STACK = `\
x-app: &app
  image: {{values.registry}}/flotilla-test/app:{{imageTag}}
  command: [serve]
  init: true
  stop_grace_period: 2s
  healthcheck: &healthy { test: [CMD, /bin/healthy], interval: 1s, timeout: 5s, retries: 20 }
x-store: &store
  image: {{values.registry}}/flotilla-test/app:v1.0.0
  command: [serve]
  healthcheck: *healthy
services:
  postgres: *store
  redis: *store
  migrate:
    image: {{values.registry}}/flotilla-test/app:{{imageTag}}
    command: [once]
    restart: "no"
    depends_on: { postgres: { condition: service_healthy }, redis: { condition: service_healthy } }
  api:
    <<: *app
    depends_on: { migrate: { condition: service_completed_successfully } }
  admin:
    <<: *app
    depends_on: { migrate: { condition: service_completed_successfully } }
  worker:
    <<: *app
    depends_on: { migrate: { condition: service_completed_successfully } }
  nginx:
    <<: *app
    depends_on: { api: { condition: service_healthy }, admin: { condition: service_healthy } }
`;
