import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadIdentity } from '../../src/pki/identity.js';
import { renewIdentity } from '../../src/pki/issue.js';
import { type RunningAgent, startAgentProcess } from '../support/agent-process.js';
import { type BuiltCli, buildCli, type RunningCli, runCli, startCli } from '../support/cli-process.js';
import { RELEASES, type Release, releaseIn, TEMPLATE, templateFiles } from '../support/crash-releases.js';
import { createGatedDocker, type GatedDocker } from '../support/gated-docker.js';
import { makePki, type Pki } from '../support/pki.js';
import { createStubDocker, type StubDocker } from '../support/stub-docker.js';

const [OLD, NEXT] = [RELEASES[0], RELEASES[2]] as [Release, Release];
const REGISTRY = 'registry.test';
const NOBODY = { PATH: '/nonexistent', DOCKER_HOST: 'unix:///nonexistent' };

let cli: BuiltCli;
let dir: string;
let root: string;
let pki: Pki;
let stub: StubDocker;
let docker: GatedDocker;
let agent: RunningAgent | undefined;
let controller: RunningCli | undefined;

beforeAll(() => {
  cli = buildCli();
}, 120_000);
afterAll(() => cli.remove());
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'flotilla-agent-'));
  root = join(dir, 'tenants');
  mkdirSync(join(root, 'acme'), { recursive: true });
  pki = await makePki(join(dir, 'pki'), { agents: [{ name: 'one' }, { name: 'two' }] });
  stub = await createStubDocker(join(dir, 'stub'), join(root, 'acme'));
  docker = createGatedDocker(join(dir, 'gate'), stub.env);
});
afterEach(async () => {
  for (const one of [agent, controller]) {
    if (one && !one.hasEnded()) one.child.kill('SIGKILL');
    await one?.ended;
  }
  [agent, controller] = [undefined, undefined];
  await stub.close();
  rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
});

const start = async (env = docker.env) => {
  agent = await startAgentProcess(cli, { cwd: dir, root, pki: pki.agents.one as string, docker: env });
  return agent;
};

/** Desired state: the instance acme on a host that is here, or behind the agent. */
function want(release: Release, host: string): void {
  for (const [path, text] of Object.entries(templateFiles(release))) write(`templates/app/files/${path}`, text);
  write('templates/app/template.yaml', TEMPLATE);
  const head = 'apiVersion: flotilla.dev/v1\nkind:';
  const values = `{ registry: ${REGISTRY}, note: ${release.note} }`;
  const timeouts = '{ pull: 1m, up: 1m, verify: 30s, settle: 1ms }';
  write(
    'manifests/all.yaml',
    `${head} Host\nmetadata: { name: one }\nspec: { ${host} }\n---\n${head} Instance\nmetadata: { name: acme }\n` +
      `spec: { host: one, template: app, imageTag: ${release.tag}, values: ${values}, timeouts: ${timeouts} }\n`,
  );
}

function write(path: string, text: string): void {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), text);
}

const reconcile = (options: Parameters<typeof startCli>[2] | object = {}) =>
  startCli(cli, ['reconcile', '--pki', pki.controllers.controller as string], {
    cwd: dir,
    docker: docker.env,
    ...options,
  });

describe('an agent that cannot start', () => {
  it.each([
    ['without certificates', '--root=.', '--pki=none', 'error: there is no none/ca.crt (PkiInvalid)\n'],
    [
      'with a certificate of a controller',
      '--root=.',
      '--pki=pki/controller',
      "is a controller's, not an agent's (PkiInvalid)\n",
    ],
    ['without a root', '--root=none', '--pki=pki/agents/one', '/none (HostRootMissing)\n  mkdir -p '],
    ['at an address that is none', '--root=.', '--listen=here', 'expected ADDRESS:PORT, found "here" (UsageInvalid)\n'],
    [
      'at an address of another machine',
      '--root=.',
      '--listen=203.0.113.9:0',
      'this machine has no such address (UsageInvalid)',
    ],
  ])('%s says so', async (_, ...rest) => {
    const said = rest.pop();
    const own = rest.some((word) => word.startsWith('--pki')) ? [] : ['--pki=pki/agents/one'];
    const { code, stderr } = await runCli(cli, ['agent', ...rest, ...own], { cwd: dir, docker: NOBODY });
    expect(stderr).toContain(said);
    expect(code).toBe(1);
  });
});

describe('an agent', () => {
  it('starts although there is no docker and no engine, and its check says so', async () => {
    const { port } = await start(NOBODY);
    const where = ['--root', root, '--pki', pki.agents.one as string, '--listen', `127.0.0.1:${port}`];
    const check = await runCli(cli, ['agent', '--check', ...where, '-o', 'json'], { cwd: dir, docker: NOBODY });
    const report = JSON.parse(check.stdout);
    expect({ code: check.code, kind: report.kind, host: report.host, ok: report.ok }).toEqual({
      code: 1,
      kind: 'AgentCheck',
      host: 'one',
      ok: false,
    });
    const seen = report.findings.map(({ level, check: what }: Record<string, string>) => `${level} ${what}`);
    expect(seen.filter((one: string) => !one.startsWith('ok'))).toEqual(['fail engine', 'fail docker']);
    expect(report.findings.at(-1).message).toBe(`the agent of this certificate listens on 127.0.0.1:${port}`);
    const text = await runCli(cli, ['agent', '--check', ...where], { cwd: dir, docker: NOBODY });
    expect(text.stdout).toContain('FAIL  docker       there is no docker client in /nonexistent\n');
    expect(text.stdout).toMatch(/^ {19}Install the docker client: /m);
  });

  it('completes an interrupted commit before it serves', async () => {
    want(OLD, `local: ${root}`);
    const died = await reconcile({
      preload: cli.dieAtWrite,
      env: { FLOTILLA_TEST_DIE_AT: 'rename web.conf', FLOTILLA_TEST_DIE_UNDER: root },
    }).ended;
    expect(died.signal).toBe('SIGKILL');
    expect(releaseIn(join(root, 'acme'), REGISTRY)).toBeNull();
    const { stderr } = await start();
    expect(releaseIn(join(root, 'acme'), REGISTRY)).toBe(OLD);
    expect(stderr()).toMatch(/"directory":"acme","msg":"completed an interrupted commit"[\s\S]*"msg":"agent serves"/);
    expect(existsSync(join(root, 'acme/.flotilla/journal.json'))).toBe(false);
  });

  it('takes up a renewed certificate for new connections; those that are open go on', async () => {
    const { port, until, logged } = await start();
    const folder = pki.agents.one as string;
    const old = await openConnection(port);
    const before = old.getPeerCertificate().serialNumber;
    await renewIdentity(pki.authority, { name: 'one', now: new Date() });
    await until(/took up new certificates/);
    const fresh = await openConnection(port);
    expect(fresh.getPeerCertificate().fingerprint256).not.toBe(old.getPeerCertificate().fingerprint256);
    expect(fresh.getPeerCertificate().serialNumber).not.toBe(before);
    expect([await askHealth(old), await askHealth(fresh)]).toEqual(['HTTP/1.1 200 OK', 'HTTP/1.1 200 OK']);
    expect(logged('took up new certificates')).toMatchObject([
      { notAfter: loadIdentity(folder).notAfter.toISOString() },
    ]);
    for (const socket of [old, fresh]) socket.destroy();
  });

  it('does not take up the certificate of another host', async () => {
    const { port, until, logged } = await start();
    const before = await openConnection(port);
    cpSync(pki.agents.two as string, pki.agents.one as string, { recursive: true });
    await until(/cannot use the new certificates/);
    const after = await openConnection(port);
    expect(after.getPeerCertificate().serialNumber).toBe(before.getPeerCertificate().serialNumber);
    expect(logged('took up new certificates')).toEqual([]);
    for (const socket of [before, after]) socket.destroy();
  });

  it('finishes its applies at SIGTERM', async () => {
    const running = await beginApply();
    running.child.kill('SIGTERM');
    await running.until(/agent stops: it finishes/);
    docker.letGo('up');
    expect((await running.ended).code).toBe(0);
    expect(running.stderr()).toContain('agent stopped');
    expect(releaseIn(join(root, 'acme'), REGISTRY)).toBe(NEXT);
    expect(stub.tag()).toBe(NEXT.tag);
    want(NEXT, `local: ${root}`);
    expect((await reconcile().ended).stdout).toContain('1 in sync');
  });

  it.each([
    ['SIGTERM', 'SIGTERM', 143],
    ['SIGINT', 'SIGINT', 130],
    ['SIGINT', 'SIGTERM', 143],
  ] as const)('ends at once at a second signal: %s, then %s', async (first, second, expected) => {
    const running = await beginApply();
    running.child.kill(first);
    await running.until(/agent stops: it finishes/);
    running.child.kill(second);
    const { code } = await running.ended;
    docker.letGo('up');
    expect(code).toBe(expected);
  });
});

/** An agent in the middle of an upgrade: compose's `up` is held. */
async function beginApply(): Promise<RunningAgent> {
  const running = await start();
  const host = `agent: "https://127.0.0.1:${running.port}"`;
  want(OLD, host);
  expect(await reconcile().ended).toMatchObject({ code: 0 });
  want(NEXT, host);
  docker.hold('up');
  controller = reconcile();
  await docker.held('up');
  return running;
}

function openConnection(port: number): Promise<TLSSocket> {
  const { ca, cert, key } = loadIdentity(pki.controllers.controller as string);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, ca, cert, key, servername: 'localhost' });
    socket.once('secureConnect', () => resolve(socket)).once('error', reject);
  });
}

/** The first line of the answer. */
function askHealth(socket: TLSSocket): Promise<string> {
  return new Promise((resolve, reject) => {
    socket.once('data', (data: Buffer) => resolve(data.toString().split('\r\n')[0] ?? '')).once('error', reject);
    socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
  });
}
