import { existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { snapshot, writeTree } from '../agent/support/tenant-tree.js';

/** A state that the tenant can be asked to be in. Every pair differs in something else. */
export interface Release {
  tag: string;
  /** Part of two mounted configurations: an upgrade of the note alone recreates no container. */
  note: string;
}

export const RELEASES: readonly Release[] = [
  { tag: 'v1.0.0', note: 'a' },
  { tag: 'v1.0.0', note: 'b' },
  { tag: 'v1.1.0', note: 'a' },
  { tag: 'v2.0.0', note: 'a' },
  { tag: 'v2.0.0', note: 'c' },
];

export const TEMPLATE = `apiVersion: flotilla.dev/v1
kind: Template
metadata: { name: app }
spec:
  compose: docker-compose.yml
  tenantCompose: [docker-compose.override.yml]
  files:
    - { path: configs/site.yml, ownership: CreateOnly }
  onChange:
    - { path: proxy.conf, service: proxy, action: Signal:SIGHUP }
`;

/** v2 has a service and a file more, and lacks a file that v1 has. */
const COMPOSE = `services:
  web:
    image: "{{values.registry}}/flotilla-test/app:{{imageTag}}"
    environment: { GREETING: "\${GREETING:-none}" }
    volumes: [./web.conf:/etc/web.conf:ro, ./content:/content:ro]
    healthcheck: &health { test: [CMD, /bin/healthy], interval: 500ms, timeout: 10s, retries: 50 }
    stop_grace_period: 1s
  proxy:
    image: "{{values.registry}}/changemaker/nginx:{{imageTag}}"
    volumes: [./proxy.conf:/etc/nginx/nginx.conf:ro]
    healthcheck: *health
    stop_grace_period: 1s
  job:
    image: "{{values.registry}}/flotilla-test/app:{{imageTag}}"
    command: [once]
    restart: "no"
`;
const EXTRA_SERVICE = `  extra:
    image: "{{values.registry}}/changemaker/redis:{{imageTag}}"
    configs: [inline]
    stop_grace_period: 1s
configs:
  inline: { content: "note {{values.note}}" }
`;

/** By path in the template's `files/`. */
export function templateFiles({ tag }: Release): Record<string, string> {
  const next = tag === 'v2.0.0';
  return {
    'docker-compose.yml.mustache': next ? COMPOSE + EXTRA_SERVICE : COMPOSE,
    'web.conf.mustache': 'web {{imageTag}} {{values.note}}\n',
    'proxy.conf.mustache': 'server { location / { return 200 "{{imageTag}} {{values.note}}"; } }\n',
    'configs/site.yml.mustache': 'written: once\n',
    ...(next ? { 'configs/new/extra.conf.mustache': 'extra {{imageTag}}\n' } : { 'legacy.conf': 'legacy\n' }),
  };
}

const MANAGED = ['docker-compose.yml', 'web.conf', 'proxy.conf', 'legacy.conf', 'configs/new/extra.conf'];

/** What is the tenant's own: content, settings, and a created file that has been edited since. */
export function writeOwnContent(directory: string): void {
  writeTree(directory, {
    '.env': "GREETING='hello'\n",
    'docker-compose.override.yml': 'services: { web: { labels: { of: tenant } } }\n',
    'content/index.html': 'theirs',
    'content/deep/er/photo.bin': 'x'.repeat(200_000),
    'configs/own.yml': 'theirs: too\n',
    'configs/site.yml': 'edited: since\n',
  });
  symlinkSync('content/index.html', join(directory, 'latest'));
}

/** Of everything that is not ours; with modes and times: it is neither written nor touched. */
export function ownContent(directory: string): Record<string, string> {
  const all = Object.entries(snapshot(directory, { times: true }));
  return Object.fromEntries(all.filter(([path, about]) => !about.startsWith('directory') && !MANAGED.includes(path)));
}

/** Throws unless what is the tenant's own is as it was. */
export function requireSameContent(directory: string, own: Record<string, string>): void {
  const now = ownContent(directory);
  for (const path of new Set([...Object.keys(own), ...Object.keys(now)])) {
    if (own[path] !== now[path]) throw new Error(`the tenant's ${path} was ${own[path]}, is ${now[path]}`);
  }
}

/** The release whose file set is there, all of it and nothing else; `none` when nothing of ours is; null when it is a mix. */
export function releaseIn(directory: string, registry: string): Release | 'none' | null {
  const here = managedFiles(directory);
  if (here === '[]') return 'none';
  return RELEASES.find((release) => here === expectedFiles(release, registry)) ?? null;
}

function expectedFiles(release: Release, registry: string): string {
  const files = Object.entries(templateFiles(release)).filter(([path]) => !path.startsWith('configs/site'));
  const texts = files.map(([path, text]) => [
    path.replace('.mustache', ''),
    text
      .replaceAll('{{values.registry}}', registry)
      .replaceAll('{{imageTag}}', release.tag)
      .replaceAll('{{values.note}}', release.note),
  ]);
  return JSON.stringify(texts.sort());
}

function managedFiles(directory: string): string {
  const there = MANAGED.filter((path) => existsSync(join(directory, path)));
  return JSON.stringify(there.map((path) => [path, readFileSync(join(directory, path), 'utf8')]).sort());
}

/** Throws unless `.flotilla` holds only what Flotilla keeps once nothing is under way. */
export function requireNoLeftovers(directory: string): void {
  const state = join(directory, '.flotilla');
  const left = readdirSync(state).filter((name) => !['applied.json', 'generations', 'found', 'lock'].includes(name));
  if (left.length > 0) throw new Error(`left in .flotilla: ${left}`);
  const generations = readdirSync(join(state, 'generations'));
  if (generations.length > 6 || generations.some((name) => !/^\d+$/.test(name)))
    throw new Error(`kept generations: ${generations}`);
}
