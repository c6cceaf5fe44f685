import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TenantDriver } from '../../src/agent-client/tenant-driver.js';
import { type BuiltCli, buildCli, runCli } from '../support/cli-process.js';
import { engine } from '../support/engine.js';
import { createFleet, type TestFleet } from '../support/fleet.js';
import { makePki, type Pki } from '../support/pki.js';
import { startAgent, type TestAgent } from '../support/remote.js';

const RELEASE = 'scripts/demo/release-v1.1.0';
const SLUGS = ['acme', 'birch', 'cedar', 'dune', 'elm'];
const REMOTE = ['edmonton-1', 'calgary-1'];

let cli: BuiltCli;
let fleet: TestFleet;
let pki: Pki;
let agents: TestAgent[] = [];

/** The fleet of manifests/ and templates/, with agents, projects and a registry of this test's own. */
beforeAll(async () => {
  cli = buildCli();
  fleet = createFleet(() => ({ close: async () => undefined }) as TenantDriver);
  for (const name of ['manifests', 'templates']) cpSync(name, join(fleet.dir, name), { recursive: true, force: true });
  rmSync(join(fleet.manifests, 'fleet.yaml'));
  edit('fleets.yaml', (text) => text.replace('registry.example.org', engine().registry));
  edit('hosts.yaml', (text) => text.replaceAll('../.demo/hosts/', '../hosts/one/'));
  pki = await makePki(join(fleet.dir, 'pki'), { agents: REMOTE.map((name) => ({ name })) });
  for (const name of [...REMOTE, 'victoria-1']) mkdirSync(join(fleet.root, name));
  for (const name of REMOTE) {
    const agent = await startAgent(join(fleet.root, name), { name, pki });
    agents.push(agent);
    edit('hosts.yaml', (text) => text.replace(new RegExp(`(name: ${name} .*\\n.*agent: )"[^"]+"`), `$1"${agent.url}"`));
  }
  for (const slug of SLUGS)
    edit(`instances/${slug}.yaml`, (text) => text.replace(/^spec:$/m, `spec:\n  project: ${fleet.slug(slug)}`));
  fleet.writeTenant('calgary-1', { 'cedar/.env': 'DOMAIN=cedar.example.org\nSITE_NAME=Cedar\n' });
});
afterAll(async () => {
  for (const agent of agents) await agent.close();
  agents = [];
  await fleet.cleanUp();
  cli.remove();
});

function edit(name: string, change: (text: string) => string): void {
  const path = join(fleet.manifests, name);
  const changed = change(readFileSync(path, 'utf8'));
  writeFileSync(path, changed);
}

async function reconcile(...args: string[]) {
  const identity = pki.controllers.controller as string;
  const run = await runCli(cli, ['reconcile', '-o', 'json', '--pki', identity, ...args], { cwd: fleet.dir });
  expect(run.code, run.stdout + run.stderr).toBe(0);
  const items: { slug: string; result: string; operations: unknown[] }[] = JSON.parse(run.stdout).items;
  return Object.fromEntries(items.map(({ slug, result }) => [slug, result]));
}

async function containers(): Promise<string[]> {
  const all = await Promise.all(SLUGS.map((slug) => fleet.containers(fleet.slug(slug))));
  return all.flat().map(({ id, service, tag, state }) => `${service} ${tag} ${state} ${id}`);
}

const CONVERGED = { acme: 'converged', birch: 'converged', cedar: 'converged', dune: 'waiting', elm: 'converged' };
const SETTLED = { acme: 'inSync', birch: 'inSync', cedar: 'inSync', dune: 'waiting', elm: 'inSync' };

it('planning straight after an apply is empty for every sample instance, and nothing is made anew', async () => {
  expect(readdirSync('manifests/instances').sort()).toEqual(SLUGS.map((slug) => `${slug}.yaml`));
  expect(await reconcile()).toEqual(CONVERGED);
  const before = await containers();
  expect(before.length).toBeGreaterThan(20);
  expect(await reconcile()).toEqual(SETTLED);
  expect(await reconcile('--dry-run')).toEqual(SETTLED);
  expect(await containers()).toEqual(before);
}, 300_000);

it('the same after the release that the demo commits', async () => {
  cpSync(RELEASE, fleet.dir, { recursive: true });
  edit('fleets.yaml', (text) => text.replace('imageTag: v1.0.0', 'imageTag: v1.1.0'));
  const cedar = fleet.readTenant('calgary-1', 'cedar/.env') ?? '';
  fleet.writeTenant('calgary-1', { 'cedar/.env': `${cedar}SMTP_HOST=mail.cedar.example.org\n` });
  expect(await reconcile()).toMatchObject({ acme: 'converged', cedar: 'converged', dune: 'waiting', elm: 'converged' });
  const before = await containers();
  expect(before.filter((each) => each.includes(' v1.1.0 ')).length).toBeGreaterThan(10);
  expect(await reconcile()).toEqual(SETTLED);
  expect(await containers()).toEqual(before);
}, 300_000);
