import { lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { docker, engine } from '../support/engine.js';
import { blockOf, createOperatorFleet, IMAGE, type OperatorFleet } from '../support/operator.js';

/** What is wrong on a host while a tenant runs there, as the operator reads it, and that the tenant does not suffer from it. */
const GOOD = `services:
  web:
    image: "${IMAGE}"
    command: [serve]
    stop_grace_period: 1s
    healthcheck: { test: [CMD, /bin/healthy], interval: 200ms, retries: 2 }
`;

let fleet: OperatorFleet;
const mounts: string[] = [];
beforeAll(() => {
  fleet = createOperatorFleet();
});
afterAll(async () => {
  for (const directory of mounts) await execa('umount', ['--lazy', directory]);
  await fleet.cleanUp();
});

/** The good compose file as the tenant itself would write it. */
function ownCompose(tag = 'v1.0.0'): string {
  return GOOD.replaceAll('{{values.registry}}', engine().registry).replaceAll('{{imageTag}}', tag);
}

async function mount(directory: string, ...options: string[]): Promise<void> {
  mkdirSync(directory, { recursive: true });
  await execa('mount', [...options, directory]);
  mounts.push(directory);
}

async function stateOf(project: string): Promise<unknown> {
  return (await fleet.containers(project)).map(({ id, service, state }) => ({ id, service, state }));
}

function without(slug: string): void {
  rmSync(join(fleet.manifests, `${slug}.json`));
}

describe('an engine that does not answer', () => {
  const DOWN = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };
  const TOLD =
    'EngineUnreachable: acme: the Docker Engine at unix:///nonexistent/docker.sock does not answer: there is no such socket\n' +
    '    Look at systemctl status docker on the host, and at DOCKER_HOST where Flotilla is started.\n';
  const NO_DOCKER = { PATH: '/nonexistent' };
  const NO_CLIENT =
    'ComposeMissing: the docker client cannot be run on this host\n' +
    '    Install the docker client with Compose v2 on the host, in the PATH that Flotilla is started with.\n';
  let slug: string;
  let before: Awaited<ReturnType<OperatorFleet['snapshot']>>;

  beforeAll(async () => {
    slug = fleet.slug('acme');
    fleet.writeOwn(slug, GOOD);
    expect(await fleet.flotilla(`reconcile -q ${slug}`)).toMatchObject({ code: 0 });
    fleet.writeOwn(slug, GOOD, {}, { imageTag: 'v1.1.0' });
    before = await fleet.snapshot(slug);
  }, 300_000);
  afterAll(() => without(slug));

  it.each(['reconcile -q', 'reconcile --dry-run'])('ends %s in 1', async (line) => {
    expect(await fleet.flotilla(line, DOWN)).toEqual({
      code: 1,
      stdout: `acme on one: v1.1.0 (failed)\n  ${TOLD}\n1 instance: 1 failed\n`,
      stderr: '',
    });
  });

  it.each([
    ['no engine', DOWN],
    ['no docker client', NO_DOCKER],
  ])('is not needed to preview files: %s', async (_, env) => {
    const { code, stdout } = await fleet.flotilla('reconcile --dry-run --files-only', env);
    expect(code).toBe(0);
    expect(stdout).toContain(
      'acme on one: v1.0.0 -> v1.1.0 (changed)\n  files\n    modified  docker-compose.yml  update\n',
    );
    expect(stdout).toMatch(/-.*app:v1\.0\.0"\n.*\+.*app:v1\.1\.0"\n/);
  });

  it('is told by get, of the instance and of the host', async () => {
    const instances = await fleet.flotilla('get', DOWN);
    expect(instances.code).toBe(1);
    expect(instances.stdout).toMatch(/^acme +one +production +v1\.1\.0 +- +EngineUnreachable +-$/m);
    const hosts = await fleet.flotilla('get hosts', DOWN);
    expect(hosts).toMatchObject({ code: 1, stdout: expect.stringMatching(/^one +local .* 0 +EngineUnreachable$/m) });
  });

  it.each([
    ['no engine', DOWN],
    ['no docker client', NO_DOCKER],
  ])('is not needed to validate, nor to list generations: %s', async (_, env) => {
    expect(await fleet.flotilla('validate --render', env)).toEqual({
      code: 0,
      stdout: '1 instance, 1 host, 2 templates: valid\n',
      stderr: '',
    });
    expect(await fleet.flotilla(`generations ${slug}`, env)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^1 +v1\.0\.0 +verified +live/m),
    });
  });

  it.each(['reconcile -q', 'reconcile --dry-run'])('as without a docker client: %s', async (line) => {
    const seen = await fleet.flotilla(line, NO_DOCKER);
    expect(seen).toMatchObject({ code: 1, stderr: '' });
    expect(seen.stdout).toBe(`acme on one: v1.1.0 (failed)\n  ${NO_CLIENT}\n1 instance: 1 failed\n`);
  });

  it('does nothing to the tenant, and the next run does what is left', async () => {
    expect(await fleet.snapshot(slug)).toEqual(before);
    expect(await fleet.flotilla(`reconcile -q`)).toMatchObject({ code: 0 });
    expect(await fleet.containers(slug)).toMatchObject([{ service: 'web', tag: 'v1.1.0', state: 'running' }]);
  });
});

describe('a tenant that runs already', () => {
  let slug: string;
  let old: string;
  beforeAll(async () => {
    slug = fleet.slug('adopted');
    old = fleet.slug('old-name');
    fleet.writeTenant(slug, { 'docker-compose.yml': ownCompose(), 'notes.txt': 'theirs' });
    await docker(['compose', '-p', old, 'up', '-d', '--wait'], { cwd: fleet.tenantDir(slug) });
    fleet.writeOwn(slug, GOOD);
  }, 300_000);

  it.each(['--dry-run', '-q'])(
    'under another project name gets no second stack: reconcile %s names what to set',
    async (flag) => {
      const before = { own: await fleet.snapshot(slug), old: await stateOf(old) };
      expect(await fleet.flotilla(`reconcile ${slug} ${flag}`)).toEqual({
        code: 1,
        stdout: `\
adopted on one: v1.0.0 (failed)
  ProjectMismatch: adopted: containers already run from hosts/one/adopted as compose project "old-name"; bringing up "adopted" would start a second stack beside it
    set spec.project: old-name in the manifest of adopted

1 instance: 1 failed
`,
        stderr: '',
      });
      expect({ own: await fleet.snapshot(slug), old: await stateOf(old) }).toEqual(before);
      expect(before.own.containers).toEqual([]);
    },
  );

  it('is adopted with that name: its container stays, as foretold', async () => {
    const [web] = await fleet.containers(old);
    fleet.writeOwn(slug, GOOD, {}, { project: old });
    const preview = await fleet.flotilla(`reconcile ${slug} --dry-run`);
    expect(preview.stdout).not.toContain('recreate');
    expect(await fleet.flotilla(`reconcile ${slug} -q`)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^adopted on one: new -> v1\.0\.0 \(converged\)\n/),
    });
    expect(await fleet.containers(old)).toMatchObject([{ id: web?.id, state: 'running' }]);
    expect(await fleet.containers(slug)).toEqual([]);
    expect(fleet.readTenant(slug, 'notes.txt')).toBe('theirs');
  });

  it('keeps its project name from another directory', async () => {
    const thief = fleet.slug('thief');
    const before = await stateOf(old);
    without(slug);
    fleet.writeOwn(thief, GOOD, {}, { project: old });
    expect(await fleet.flotilla(`reconcile ${thief} -q`)).toEqual({
      code: 1,
      stdout: `\
thief on one: v1.0.0 (failed)
  ProjectTaken: thief: compose project "old-name" already runs from hosts/one/adopted, not from hosts/one/thief
    set another spec.project, or spec.directory to where it runs

1 instance: 1 failed
`,
      stderr: '',
    });
    expect(await stateOf(old)).toEqual(before);
    without(thief);
  });
});

it("uses a tenant's own docker-compose.override.yml, and never writes it", async () => {
  const slug = fleet.slug('override');
  const override = `services: { extra: { image: "${engine().registry}/flotilla-test/app:v1.0.0", command: [serve], stop_grace_period: 1s } }\n`;
  fleet.writeTenant(slug, { 'docker-compose.override.yml': override });
  fleet.writeOwn(slug, GOOD);
  const { ino, mtimeMs } = lstatSync(join(fleet.tenantDir(slug), 'docker-compose.override.yml'));
  expect(await fleet.flotilla(`reconcile ${slug} -q`)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/ {4}create {4}extra {2}.*\n {4}create {4}web {4}new service\n/),
  });
  expect(await fleet.containers(slug)).toMatchObject([
    { service: 'extra', tag: 'v1.0.0', state: 'running' },
    { service: 'web', tag: 'v1.0.0', state: 'running' },
  ]);
  const [extra] = await fleet.containers(slug);
  fleet.writeOwn(slug, GOOD, {}, { imageTag: 'v1.1.0' });
  expect(await fleet.flotilla(`reconcile ${slug} -q`)).toMatchObject({ code: 0 });
  expect(await fleet.containers(slug)).toMatchObject([
    { id: extra?.id, service: 'extra', tag: 'v1.0.0', state: 'running' },
    { service: 'web', tag: 'v1.1.0', state: 'running' },
  ]);
  expect(fleet.readTenant(slug, 'docker-compose.override.yml')).toBe(override);
  expect(lstatSync(join(fleet.tenantDir(slug), 'docker-compose.override.yml'))).toMatchObject({ ino, mtimeMs });
  without(slug);
});

describe('instances that cannot be worked on stay as they are, while the others go on', () => {
  const BIG = { 'big.bin.mustache': `{{imageTag}} ${'x'.repeat(300_000)}` };
  const names = ['staging', 'commit', 'read-only', 'damaged', 'link-file', 'link-dir', 'fine'] as const;
  const at = (name: string, ...path: string[]) => join(fleet.tenantDir(fleet.slug(name)), ...path);
  let before: Map<string, Awaited<ReturnType<OperatorFleet['snapshot']>>>;
  let failed: Awaited<ReturnType<OperatorFleet['flotilla']>>;
  let leftInStage: boolean;

  async function snapshots(): Promise<typeof before> {
    return new Map(
      await Promise.all(names.map(async (name) => [name, await fleet.snapshot(fleet.slug(name))] as const)),
    );
  }

  beforeAll(async () => {
    for (const name of names) fleet.writeOwn(fleet.slug(name), GOOD, { ...BIG, 'conf/web.conf': 'ours\n' });
    await mount(at('staging'), '-t', 'tmpfs', '-o', 'size=1500k', 'tmpfs');
    await mount(at('commit'), '-t', 'tmpfs', '-o', 'size=1500k', 'tmpfs');
    expect(await fleet.flotilla('reconcile -q')).toMatchObject({ code: 0 });
    for (const name of names) {
      fleet.writeOwn(fleet.slug(name), GOOD, { ...BIG, 'conf/web.conf': 'new\n' }, { imageTag: 'v1.1.0' });
    }
    // 600 KiB are used already: what stages is too much here, and the file set that is kept for a rollback there.
    writeFileSync(at('staging', 'theirs.bin'), Buffer.alloc(700_000));
    writeFileSync(at('commit', 'theirs.bin'), Buffer.alloc(400_000));
    await mount(at('read-only'), '--bind', at('read-only'));
    await execa('mount', ['-o', 'remount,ro,bind', at('read-only')]);
    writeFileSync(at('damaged', '.flotilla/applied.json'), '{ "format": 1, "gener');
    mkdirSync(join(fleet.dir, 'outside'));
    writeFileSync(join(fleet.dir, 'outside/web.conf'), 'outside\n');
    rmSync(at('link-file', 'conf/web.conf'));
    symlinkSync(join(fleet.dir, 'outside/web.conf'), at('link-file', 'conf/web.conf'));
    rmSync(at('link-dir', 'conf'), { recursive: true });
    symlinkSync(join(fleet.dir, 'outside'), at('link-dir', 'conf'));
    writeFileSync(join(fleet.manifests, 'elsewhere.yaml'), ELSEWHERE(fleet.slug('far'), fleet.slug('lost')));
    writeFileSync(join(fleet.manifests, 'two.yaml'), TWO(fleet.slug('half-bad'), fleet.slug('half-good')));
    before = await snapshots();
    failed = await fleet.flotilla('reconcile -q');
    leftInStage = lstatSync(at('commit', '.flotilla/stage'), { throwIfNoEntry: false }) !== undefined;
  }, 300_000);

  it.each([
    [
      'a disk that is full while staging',
      'staging on one: v1.0.0 -> v1.1.0 (failed)',
      'DiskFull during stage: cannot write big.bin in hosts/one/staging: the disk is full',
      'free some space on that file system (or raise the quota), and reconcile again\n    nothing was changed: the tenant is as it was',
    ],
    [
      'a disk that is full at the commit',
      'commit on one: v1.0.0 -> v1.1.0 (failed)',
      'DiskFull during commit: cannot keep the file set in hosts/one/commit/.flotilla/generations: the disk is full',
      'free some space on that file system (or raise the quota), and reconcile again',
    ],
    [
      'an instance directory that is not writable',
      'read-only on one: v1.0.0 -> v1.1.0 (failed)',
      'NotWritable during lock: cannot open the lock of hosts/one/read-only: the file system is read-only',
      'remount it writable; a file system that turns read-only by itself often has a failing disk\n    nothing was changed: the tenant is as it was',
    ],
    [
      'a damaged applied record',
      'damaged on one: v1.1.0 (failed)',
      'RecordUnreadable: damaged: cannot read the applied record hosts/one/damaged/.flotilla/applied.json: it is not JSON',
      'restore it from a backup, or move it away (mv hosts/one/damaged/.flotilla/applied.json hosts/one/damaged/.flotilla/applied.json.bad): the instance is then adopted as it is',
    ],
    [
      'a file that is a link leading out',
      'link-file on one: v1.1.0 (failed)',
      'PathEscapes: link-file: "conf/web.conf" in hosts/one/link-file is a symbolic link',
      'replace the link by a plain file: Flotilla does not write through links',
    ],
    [
      'a directory that is a link leading out',
      'link-dir on one: v1.1.0 (failed)',
      'PathEscapes: link-dir: "conf/web.conf" in hosts/one/link-dir leads out of the instance: "conf" is a symbolic link',
      'replace the link by a real directory: Flotilla writes nothing outside of the instance',
    ],
    [
      'a host with an agent, without a certificate to show it',
      'far on far: v1.0.0 (failed)',
      'PkiInvalid: there is no pki/controller/ca.crt',
      'make the folder with flotilla pki issue controller, or flotilla pki issue agent NAME --san DNS:..., and copy it here',
    ],
    [
      "a host's root that does not exist",
      'lost on lost: v1.0.0 (failed)',
      "HostRootMissing: lost: the host's root hosts/lost does not exist",
      "create it (mkdir -p hosts/lost) or correct spec.local of the Host, or the agent's --root",
    ],
  ])('%s', (_, head, message, hint) => {
    const name = head.split(' ')[0] ?? '';
    expect(blockOf(failed, name)).toContain(`${head}\n  ${message}\n    ${hint}`);
  });

  it('of two documents of which one is bad, the good one is brought up', async () => {
    expect(blockOf(failed, 'half-bad')).toBe(`\
half-bad (failed)
  ManifestInvalid: its manifest has problems
    manifests/two.yaml:4:54: error: unknown field "imgTag" in spec
      spec: { host: one, fleet: production, template: app, imgTag: v1.0.0 }
${' '.repeat(6 + 53)}^
      did you mean imageTag?`);
    expect(blockOf(failed, 'half-good')).toMatch(/^half-good on one: new -> v1\.0\.0 \(converged\)\n/);
  });

  it('files and containers are as they were, and nothing is outside', async () => {
    const after = await snapshots();
    for (const name of names.filter((each) => each !== 'fine')) {
      expect([name, after.get(name)]).toEqual([name, before.get(name)]);
      expect(after.get(name)?.containers).toEqual([expect.stringMatching(/^web running /)]);
    }
    expect(readFileSync(join(fleet.dir, 'outside/web.conf'), 'utf8')).toBe('outside\n');
    expect(leftInStage).toBe(false);
  });

  it('the others are upgraded, and the command ends in 1', async () => {
    expect(failed).toMatchObject({ code: 1, stderr: '' });
    expect(failed.stdout).toMatch(/\n11 instances: 2 converged, 9 failed; 1 problem in desired state\n$/);
    expect(await fleet.containers(fleet.slug('fine'))).toMatchObject([{ tag: 'v1.1.0', state: 'running' }]);
  });

  it('generations names each instance that it cannot read, and lists the rest', async () => {
    const { code, stdout, stderr } = await fleet.flotilla('generations');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^commit +1 +v1\.0\.0 +verified +live /m);
    expect(stdout).not.toMatch(/^commit +2 /m);
    expect(stdout).toContain(
      'commit: applying v1.1.0 failed at TIME during commit (DiskFull): cannot keep the file set ',
    );
    expect(stderr).toContain(
      'error: damaged: cannot read the applied record hosts/one/damaged/.flotilla/applied.json: it is not JSON (RecordUnreadable)\n',
    );
    expect(stderr).toContain("error: lost: the host's root hosts/lost does not exist (HostRootMissing)\n");
  });

  it('once the causes are mended, the next run does what is left', async () => {
    rmSync(at('staging', 'theirs.bin'));
    rmSync(at('commit', 'theirs.bin'));
    await execa('mount', ['-o', 'remount,rw,bind', at('read-only')]);
    rmSync(at('damaged', '.flotilla/applied.json'));
    for (const path of [at('link-file', 'conf/web.conf'), at('link-dir', 'conf')]) rmSync(path);
    rmSync(join(fleet.manifests, 'elsewhere.yaml'));
    rmSync(join(fleet.manifests, 'two.yaml'));
    const mended = await fleet.flotilla('reconcile -q');
    expect(mended).toMatchObject({ code: 0, stdout: expect.stringContaining('7 instances: 1 in sync, 6 converged') });
    for (const name of names) {
      expect(await fleet.containers(fleet.slug(name))).toMatchObject([{ tag: 'v1.1.0', state: 'running' }]);
      expect(fleet.readTenant(fleet.slug(name), 'conf/web.conf')).toBe('new\n');
    }
  });
});

const HEAD = 'apiVersion: flotilla.dev/v1\n';
const ELSEWHERE = (far: string, lost: string) => `\
${HEAD}kind: Host
metadata: { name: far }
spec: { agent: "https://far.example.org:7443" }
---
${HEAD}kind: Host
metadata: { name: lost }
spec: { local: ../hosts/lost }
---
${HEAD}kind: Instance
metadata: { name: ${far} }
spec: { fleet: production, host: far }
---
${HEAD}kind: Instance
metadata: { name: ${lost} }
spec: { fleet: production, host: lost }
`;
const TWO = (bad: string, good: string) => `\
${HEAD}kind: Instance
metadata: { name: ${bad} }
spec: { host: one, fleet: production, template: app, imgTag: v1.0.0 }
---
${HEAD}kind: Instance
metadata: { name: ${good} }
spec: { host: one, fleet: production }
`;
