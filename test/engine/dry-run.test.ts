import { spawnSync } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { buildHostConfig } from '../../src/agent/host.js';
import { createLocalDriver } from '../../src/agent-client/local-driver.js';
import { mountOrThrow, sha256 } from '../agent/support/tenant-tree.js';
import { type BuiltCli, buildCli, type Ended, runCli } from '../support/cli-process.js';
import { createFleet, type TestFleet } from '../support/fleet.js';

let cli: BuiltCli;
let fleet: TestFleet;
/** In sync; with an upgrade and edits to come; never installed; with a commit that was killed halfway. */
let slugs: { inSync: string; changed: string; absent: string; interrupted: string };

/** The real driver, but for the one method that may write. */
const applied: string[] = [];
const makeDriver = ({ root }: { root?: string }) => ({
  ...createLocalDriver(buildHostConfig(root ?? '/', process.env)),
  apply: async ({ plan }: { plan: { slug: string } }) => {
    applied.push(plan.slug);
    throw new Error('a dry run must not write');
  },
});

beforeAll(async () => {
  cli = buildCli();
  fleet = createFleet((host) => makeDriver(host as { root?: string }));
  mkdirSync(join(fleet.dir, 'tmp'));
  const [inSync, changed, absent, interrupted] = ['in-sync', 'changed', 'absent', 'halfway'].map((name) =>
    fleet.slug(name),
  ) as [string, string, string, string];
  slugs = { inSync, changed, absent, interrupted };
  const spec = { timeouts: { settle: '200ms' } };
  for (const slug of [inSync, changed, interrupted]) {
    fleet.writeInstance(slug, spec);
    fleet.writeTenant(slug, { '.env': 'GREETING=hi\n', 'content/index.html': 'theirs' });
  }
  for (const imageTag of ['v1.0.0', 'v1.1.0']) {
    fleet.writeInstance(changed, { ...spec, imageTag });
    const { code, stdout } = await flotilla('reconcile');
    expect(code, stdout).toBe(0);
  }
  fleet.writeTenant(changed, { 'web.conf': 'edited by hand\n' });
  for (const slug of [changed, absent, interrupted]) fleet.writeInstance(slug, { ...spec, imageTag: 'v2.0.0' });
  await interruptCommit(interrupted);
});
afterAll(async () => {
  await fleet.cleanUp();
  cli.remove();
});

function flotilla(...args: string[]): Promise<Ended> {
  return runCli(cli, args, { cwd: fleet.dir, env: { TMPDIR: join(fleet.dir, 'tmp') } });
}

/** Killed when all files are in place but the record. */
async function interruptCommit(slug: string): Promise<void> {
  const env = { FLOTILLA_TEST_DIE_AT: 'rename applied.json', FLOTILLA_TEST_DIE_UNDER: fleet.root };
  const { signal } = await runCli(cli, ['reconcile', slug], { cwd: fleet.dir, env, preload: cli.dieAtWrite });
  expect(signal).toBe('SIGKILL');
  expect(readdirSync(join(fleet.tenantDir(slug), '.flotilla'))).toContain('journal.json');
}

/** All that a write could change: names, inodes, modes, owners, sizes, times, bytes. Not when they were last read. */
function tree(directory: string, at = ''): Record<string, string> {
  const seen: Record<string, string> = {};
  for (const name of ['', ...readdirSync(join(directory, at)).sort()]) {
    const path = join(at, name);
    const stat = lstatSync(join(directory, path), { bigint: true });
    const { ino, mode, uid, gid, nlink, size, mtimeNs, ctimeNs } = stat;
    const bytes = stat.isFile() ? sha256(readFileSync(join(directory, path))) : '';
    const target = stat.isSymbolicLink() ? readlinkSync(join(directory, path)) : '';
    seen[path] = [ino, mode, uid, gid, nlink, size, mtimeNs, ctimeNs, bytes, target].join(' ');
    if (name !== '' && stat.isDirectory()) Object.assign(seen, tree(directory, path));
  }
  return seen;
}

async function containers(): Promise<unknown[]> {
  const all = await Promise.all(Object.values(slugs).map((slug) => fleet.containers(slug)));
  return all.flat().map(({ id, state }) => ({ id, state }));
}

/** Each command that only looks, and the exit code that it ends with here. */
const looks = (): [string, number][] => [
  ['reconcile --dry-run', 0],
  ['reconcile --dry-run --files-only', 0],
  ['reconcile --dry-run --detailed-exitcode -o json', 2],
  [`reconcile --dry-run -v -o markdown ${slugs.changed}`, 0],
  [`diff ${slugs.changed}`, 0],
  [`diff ${slugs.interrupted} --detailed-exitcode`, 2],
  ['get', 0],
  ['get hosts', 0],
  ['get instances -o wide', 0],
  [`generations ${slugs.changed}`, 0],
  ['generations -o json', 0],
  [`rollback ${slugs.changed} --to 1 --dry-run`, 0],
  ['validate --render', 0],
  [`render ${slugs.absent}`, 0],
];

/** What they print of the host as it is; asked once. */
let printed: Promise<string[]> | undefined;

async function lookAtAll(): Promise<string[]> {
  const all: string[] = [];
  for (const [line, code] of looks()) {
    const run = await flotilla(...line.split(' '));
    expect(run.code, `flotilla ${line}\n${run.stdout}${run.stderr}`).toBe(code);
    // How long ago something was, which columns are as wide as, and when it was looked at.
    const text = run.stdout.replaceAll(/\b\d+[smh]\b|"lastTransitionTime": ".*"/g, '');
    all.push(line, text.replaceAll(/ +/g, ' '));
  }
  return all;
}

describe('commands that only look', () => {
  it('never ask the driver to apply', async () => {
    for (const options of [{ dryRun: true }, { dryRun: true, filesOnly: true }]) {
      const report = await fleet.run(options);
      expect(report.summary).toMatchObject({ inSync: 1, changed: 3, failed: 0 });
    }
    expect(applied).toEqual([]);
    // It does throw where a plan is carried out.
    expect(await fleet.runOne(slugs.changed)).toMatchObject({ result: 'failed' });
    expect(applied).toEqual([slugs.changed]);
  });

  it('leave every file, inode and time of the host as it was, and every container', async () => {
    const before = { files: tree(fleet.root), containers: await containers() };
    printed ??= lookAtAll();
    await printed;
    expect({ files: tree(fleet.root), containers: await containers() }).toEqual(before);
    expect(readdirSync(join(fleet.dir, 'tmp'))).toEqual([]);
  });

  it('say the same of a host that cannot be written to, where an apply fails', async () => {
    printed ??= lookAtAll();
    await printed;
    mountOrThrow(['--bind', fleet.root, fleet.root]);
    onTestFinished(() => void spawnSync('umount', ['-l', fleet.root]));
    mountOrThrow(['-o', 'remount,bind,ro', fleet.root]);

    expect(await lookAtAll()).toEqual(await printed);
    const refused = await flotilla('reconcile', slugs.changed, '-o', 'json');
    expect(refused.code).toBe(1);
    expect(JSON.parse(refused.stdout).items[0]).toMatchObject({ result: 'failed', error: { code: 'NotWritable' } });
  });
});
