import { spawn, spawnSync } from 'node:child_process';
import { chownSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { docker, engine } from '../support/engine.js';
import { createFleet, type TestFleet } from '../support/fleet.js';
import { makePki, type Pki } from '../support/pki.js';
import { until } from '../support/watch-state.js';

const ROOT = resolve(import.meta.dirname, '../..');
const UNIT_FILE = join(ROOT, 'deploy/systemd/flotilla-watch.service');
const UNIT = readFileSync(UNIT_FILE, 'utf8');
const NOBODY = 1234;
const HEAD = 'apiVersion: flotilla.dev/v1\nkind:';

let dir: string;
let app: string;
let fleet: TestFleet;
let pki: Pki;
let etc: string;

/** Flotilla as it is installed from its package. */
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'flotilla-deploy-'));
  await execa('npm', ['pack', '--ignore-scripts', '--pack-destination', dir], { cwd: ROOT });
  app = join(dir, readdirSync(dir).find((name) => name.endsWith('.tgz')) ?? '');
}, 120_000);
afterAll(() => rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }));

/** What stands in /etc/flotilla: settings, and desired state of one instance on a host that nobody answers for. */
beforeEach(async () => {
  fleet = createFleet(() => {
    throw new Error('only the daemon has a way to the hosts');
  });
  pki = await makePki(join(fleet.dir, 'pki'), { agents: [] });
  etc = join(fleet.dir, 'etc');
  cpSync(fleet.templates, join(etc, 'templates'), { recursive: true });
  mkdirSync(join(etc, 'manifests'));
  writeFileSync(join(etc, 'watch.yaml'), `${HEAD} WatchConfig\nspec: { concurrency: { perHost: 2 } }\n`);
  const host = `${HEAD} Host\nmetadata: { name: away }\nspec: { agent: "https://127.0.0.1:9" }\n`;
  writeFileSync(join(etc, 'manifests/host.yaml'), host);
  writeInstance('acme');
});
afterEach(() => fleet.cleanUp());

function writeInstance(slug: string): void {
  const [template = ''] = readdirSync(join(etc, 'templates'));
  const spec = `{ host: away, template: ${template}, imageTag: v1.0.0, values: { registry: registry.test } }`;
  writeFileSync(join(etc, `manifests/${slug}.yaml`), `${HEAD} Instance\nmetadata: { name: ${slug} }\nspec: ${spec}\n`);
}

it('the image and compose.yaml make a daemon that keeps its fleet in view, and stops when it is told to, whoever runs it', async () => {
  const { dockerHost, path } = engine();
  const project = fleet.slug('controller');
  const [base, image] = [`flotilla-test/controller-base:${project}`, `flotilla-test/controller:${project}`];
  const env = {
    PATH: path,
    HOME: process.env.HOME ?? '/nonexistent',
    DOCKER_HOST: dockerHost,
    DOCKER_BUILDKIT: '0',
    FLOTILLA_IMAGE: image,
    FLOTILLA_ETC: etc,
    FLOTILLA_PKI: pki.controllers.controller as string,
    FLOTILLA_PUBLISH: '127.0.0.1:',
  };
  const run: Run = (file, args, more = {}) =>
    execa(file, args, { cwd: ROOT, env: { ...env, ...more }, all: true, timeout: 180_000 });
  try {
    await run('scripts/images/agent-base.sh', [base, 'git', 'ssh']);
    const options = ['-t', image, '--network', 'none', '--build-arg', `BASE=${base}`];
    await run('deploy/build.sh', ['controller', app, ...options]);
    for (const uid of [0, NOBODY]) {
      chown(fleet.dir, uid);
      await requireDaemon((...args) =>
        run('docker', ['compose', '-p', project, '-f', 'deploy/controller/compose.yaml', ...args], {
          FLOTILLA_USER: `${uid}:${uid}`,
        }),
      );
    }
  } finally {
    await docker(['image', 'rm', '--force', image, base]);
  }
}, 900_000);

type Run = (file: string, args: readonly string[], env?: Record<string, string>) => Promise<{ stdout: string }>;

async function requireDaemon(compose: (...args: string[]) => Promise<{ stdout: string }>): Promise<void> {
  const logs = async () => (await compose('logs', 'watch')).stdout;
  const known = async () => (await compose('exec', '-T', 'watch', 'flotilla', 'get', '-o', 'json')).stdout;
  try {
    await compose('up', '-d');
    const id = (await compose('ps', '--all', '-q', 'watch')).stdout;
    let said = '';
    const isHealthy = async () => {
      said = await logs();
      return (await inspect(id)).health === 'healthy';
    };
    await until('the daemon is healthy', isHealthy, () => said);
    const url = `http://${(await compose('port', 'watch', '7480')).stdout}`;
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    await until('the host is looked for', async () => (await known()).includes('"HostUnreachable"'));
    writeInstance('birch');
    await until('a save outside is noticed inside', async () => (await known()).includes('"birch"'));
    await compose('stop');
    expect(await inspect(id)).toMatchObject({ state: 'exited', code: 0 });
    expect(await logs()).toContain('daemon stopped');
    await compose('start');
    await until('it starts again', async () => (await logs()).split('daemon watches').length > 2);
    expect(await known()).toContain('"birch"');
  } finally {
    await compose('down', '--volumes', '--timeout', '5');
    rmSync(join(etc, 'manifests/birch.yaml'), { force: true });
  }
}

async function inspect(id: string): Promise<{ state: string; code: number; health: string }> {
  const format = '{"state":{{json .State.Status}},"code":{{.State.ExitCode}},"health":{{json .State.Health.Status}}}';
  return JSON.parse(await docker(['inspect', '--format', format, id]));
}

it("the unit's command lines check, serve and reload as a user of their own with no rights", async () => {
  const prefix = join(fleet.dir, 'prefix');
  mkdirSync(prefix);
  await execa('npm', ['install', '--global', '--prefix', prefix, '--prefer-offline', '--omit=dev', app]);
  const state = join(fleet.dir, 'state');
  mkdirSync(state, { mode: 0o700 });
  chown(fleet.dir, NOBODY);
  const unit = Object.fromEntries(settings('Environment').map((line) => line.split('=') as [string, string]));
  expect(Object.keys(unit).sort()).toEqual(['FLOTILLA_CONFIG', 'FLOTILLA_PKI', 'FLOTILLA_STATE', 'HOME']);
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: state,
    FLOTILLA_CONFIG: join(etc, 'watch.yaml'),
    FLOTILLA_STATE: state,
    FLOTILLA_PKI: pki.controllers.controller as string,
    FLOTILLA_LISTEN: '127.0.0.1:0',
  };
  const ids = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
  const rights = [...ids, '--no-new-privs', '--bounding-set=-all', '--inh-caps=-all'];
  const line = (name: string) => {
    const [program = '', ...args] = settings(name)[0]?.split(' ') ?? [];
    expect(program).toBe('/usr/local/bin/flotilla');
    return [...rights, join(prefix, 'bin/flotilla'), ...args];
  };
  const check = await execa('setpriv', line('ExecStartPre'), { env, extendEnv: false, cwd: '/' });
  expect(check.stdout).toBe('the configuration is valid');

  const child = spawn('setpriv', line('ExecStart'), { env, cwd: '/' });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (log += data.toString()));
  const ended = new Promise<number | null>((done) => child.once('close', done));
  try {
    await until(
      'the daemon watches',
      () => log.includes('daemon watches') || child.exitCode !== null,
      () => log,
    );
    const port = /"port":(\d+)/.exec(log)?.[1];
    await until(
      'it is ready',
      async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok,
      () => log,
    );
    expect(settings('ExecReload')).toEqual(['/bin/kill -HUP $MAINPID']);
    spawnSync('/bin/kill', ['-HUP', String(child.pid)]);
    await until(
      'it has read its settings again',
      () => log.includes('configuration read again'),
      () => log,
    );
  } finally {
    child.kill('SIGTERM');
  }
  expect(await ended).toBe(0);
  expect(log).toContain('daemon stopped');
}, 300_000);

it.skipIf(spawnSync('systemd-analyze', ['--version']).status !== 0)(
  'systemd finds nothing wrong with the unit',
  async () => {
    const unit = join(fleet.dir, 'flotilla-watch.service');
    // The program need not be installed on this machine.
    writeFileSync(unit, UNIT.replaceAll('/usr/local/bin/flotilla', process.execPath));
    const { all, exitCode } = await execa('systemd-analyze', ['verify', '--man=no', unit], {
      all: true,
      reject: false,
    });
    expect({ all, exitCode }).toEqual({ all: '', exitCode: 0 });
    writeFileSync(unit, UNIT.replace('Restart=always', 'Restart=whenever'));
    const wrong = await execa('systemd-analyze', ['verify', '--man=no', unit], { all: true, reject: false });
    expect(wrong.all).toContain('whenever');
  },
);

function chown(directory: string, id: number): void {
  for (const name of ['', ...readdirSync(directory, { recursive: true, encoding: 'utf8' })])
    chownSync(join(directory, name), id, id);
}

function settings(name: string): string[] {
  return [...UNIT.matchAll(new RegExp(`^${name}=(.+)$`, 'gm'))].map((match) => match[1] ?? '');
}
