import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { createRemoteDriver } from '../../src/agent-client/remote-driver.js';
import { loadIdentity } from '../../src/pki/identity.js';
import { docker, engine } from '../support/engine.js';
import { createFleet, type TestFleet } from '../support/fleet.js';
import { makePki, type Pki } from '../support/pki.js';

const ROOT = resolve(import.meta.dirname, '../..');
const UNIT = readFileSync(join(ROOT, 'deploy/systemd/flotilla-agent.service'), 'utf8');
const NOBODY = 1234;

let dir: string;
let app: string;
let fleet: TestFleet;
let pki: Pki;
let port: number;

/** Flotilla as it is installed from its package. */
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'flotilla-deploy-'));
  await execa('npm', ['pack', '--ignore-scripts', '--pack-destination', dir], { cwd: ROOT });
  app = join(dir, readdirSync(dir).find((name) => name.endsWith('.tgz')) ?? '');
}, 120_000);
afterAll(() => rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }));

beforeEach(async () => {
  fleet = createFleet(({ name }) => {
    const controller = loadIdentity(pki.controllers.controller as string);
    return createRemoteDriver({ name, url: `https://127.0.0.1:${port}` }, () => controller);
  });
  pki = await makePki(join(fleet.dir, 'pki'), { agents: [{ name: 'one' }] });
});
afterEach(() => fleet.cleanUp());

/** A tenant is brought up, its configuration mounted, and upgraded; a file that was given to somebody stays theirs. */
async function requireTenantsRun(name: string): Promise<void> {
  const slug = fleet.slug(name);
  const config = join(fleet.tenantDir(slug), 'web.conf');
  fleet.writeTenant(slug, { 'content/index.html': 'theirs' });
  fleet.writeInstance(slug, {});
  expect(await fleet.runOne(slug)).toMatchObject({ result: 'converged', error: null });
  chownSync(config, NOBODY, NOBODY);
  fleet.writeInstance(slug, { imageTag: 'v1.1.0' });
  expect(await fleet.runOne(slug)).toMatchObject({ result: 'converged', error: null });
  expect(await fleet.runOne(slug)).toMatchObject({ result: 'inSync' });
  expect(statSync(config).uid).toBe(NOBODY);
  const web = (await fleet.containers(slug)).find(({ service }) => service === 'web');
  expect(web).toMatchObject({ tag: 'v1.1.0', state: 'running' });
  expect(await docker(['exec', web?.id ?? '', 'cat', '/etc/web.conf', '/content/index.html'])).toBe(
    'tag v1.1.0\ntheirs',
  );
}

it('the image and compose.yaml make an agent that serves, checks itself, and stops when it is told to', async () => {
  const { dockerHost, path } = engine();
  const project = fleet.slug('agent');
  const [base, image] = [`flotilla-test/agent-base:${project}`, `flotilla-test/agent:${project}`];
  const env = {
    PATH: path,
    HOME: process.env.HOME ?? '/nonexistent',
    DOCKER_HOST: dockerHost,
    DOCKER_BUILDKIT: '0',
    FLOTILLA_IMAGE: image,
    FLOTILLA_ROOT: fleet.root,
    FLOTILLA_PKI: pki.agents.one as string,
    FLOTILLA_PUBLISH: '127.0.0.1:',
    DOCKER_SOCKET: dockerHost.replace('unix://', ''),
    DOCKER_CONFIG_DIR: join(fleet.dir, 'docker'),
  };
  const run = (file: string, ...args: string[]) => execa(file, args, { cwd: ROOT, env, all: true, timeout: 180_000 });
  const compose = (...args: string[]) =>
    run('docker', 'compose', '-p', project, '-f', 'deploy/agent/compose.yaml', ...args);
  try {
    await run('scripts/images/agent-base.sh', base);
    await run('deploy/build.sh', 'agent', app, '-t', image, '--network', 'none', '--build-arg', `BASE=${base}`);
    await compose('up', '-d');
    port = Number((await compose('port', 'agent', '7443')).stdout.split(':')[1]);
    await untilServing(async () => (await compose('logs', 'agent')).stdout);
    await requireTenantsRun('in-container');
    const check = await compose('exec', '-T', 'agent', 'flotilla', 'agent', '--check');
    expect(check.stdout).toContain('the agent of this certificate listens on 0.0.0.0:7443');
    expect(check.stdout).toContain(`${fleet.root} has the same path inside and outside of this container`);
    expect(check.stdout).not.toMatch(/^(?!ok )/m);
    await compose('stop');
    expect((await compose('logs', 'agent')).stdout).toContain('agent stopped');
  } finally {
    await compose('down', '--timeout', '5');
    await docker(['image', 'rm', '--force', image, base]);
  }
}, 300_000);

it("the unit's command line serves with no more rights than the unit leaves it", async () => {
  const prefix = join(fleet.dir, 'prefix');
  mkdirSync(prefix);
  await execa('npm', ['install', '--global', '--prefix', prefix, '--prefer-offline', '--omit=dev', app]);
  const [program = '', ...args] = settings('ExecStart')[0]?.split(' ') ?? [];
  expect(program).toBe('/usr/local/bin/flotilla');
  const capabilities = settings('CapabilityBoundingSet')[0]?.split(' ') ?? [];
  const keep = capabilities.map((name) => `+${name.replace('CAP_', '').toLowerCase()}`);
  const { dockerHost, path } = engine();
  const unit = Object.fromEntries(settings('Environment').map((line) => line.split('=') as [string, string]));
  const env = {
    ...unit,
    PATH: path,
    DOCKER_HOST: dockerHost,
    FLOTILLA_ROOT: fleet.root,
    FLOTILLA_PKI: pki.agents.one as string,
    FLOTILLA_LISTEN: '127.0.0.1:0',
  };
  const rights = ['--no-new-privs', `--bounding-set=-all,${keep.join(',')}`, '--inh-caps=-all'];
  const child = spawn('setpriv', [...rights, join(prefix, 'bin/flotilla'), ...args], { env, cwd: '/' });
  const log = collect(child);
  try {
    port = Number(/"port":(\d+)/.exec(await untilServing(async () => log()))?.[1]);
    await requireTenantsRun('under-unit');
  } finally {
    child.kill('SIGTERM');
    await new Promise((done) => child.once('close', done));
  }
  expect(log()).toContain('agent stopped');
}, 300_000);

function settings(name: string): string[] {
  return [...UNIT.matchAll(new RegExp(`^${name}=(.+)$`, 'gm'))].map((match) => match[1] ?? '');
}

function collect(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data: Buffer) => (text += data.toString()));
  return () => text;
}

async function untilServing(read: () => Promise<string>): Promise<string> {
  for (let tries = 0; tries < 300; tries += 1) {
    const text = await read();
    if (text.includes('agent serves')) return text;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`the agent does not serve: ${await read()}`);
}
