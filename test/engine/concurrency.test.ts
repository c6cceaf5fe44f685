import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TenantDriver } from '../../src/agent-client/tenant-driver.js';
import { snapshot } from '../agent/support/tenant-tree.js';
import { type BuiltCli, buildCli, type Ended, type RunningCli, runCli, startCli } from '../support/cli-process.js';
import { createFleet, type TestFleet } from '../support/fleet.js';
import { createGatedDocker, type GatedDocker } from '../support/gated-docker.js';

let cli: BuiltCli;
beforeAll(() => {
  cli = buildCli();
});
afterAll(() => cli.remove());

let fleet: TestFleet;
let docker: GatedDocker;
beforeEach(() => {
  fleet = createFleet(() => ({ close: async () => undefined }) as TenantDriver);
  docker = createGatedDocker(join(fleet.dir, 'bin'));
});
afterEach(() => fleet.cleanUp());

const QUICK = { timeouts: { pull: '1m', up: '1m', verify: '30s', settle: '200ms' } };

function instance(name: string, spec: Record<string, unknown> = {}): string {
  const slug = fleet.slug(name);
  fleet.writeInstance(slug, { ...QUICK, ...spec });
  return slug;
}

function start(...args: string[]): RunningCli {
  return startCli(cli, args, { cwd: fleet.dir, docker: docker.env });
}

function run(...args: string[]): Promise<Ended> {
  return runCli(cli, args, { cwd: fleet.dir, docker: docker.env });
}

async function converge(slug: string): Promise<void> {
  const { code, stdout, stderr } = await run('reconcile', slug);
  expect(code, stdout + stderr).toBe(0);
}

const resultsOf = ({ stdout }: Ended) =>
  Object.fromEntries(
    JSON.parse(stdout).items.map((item: { slug: string; result: string }) => [item.slug, item.result]),
  );

describe('two at once', () => {
  it('on one instance: one applies, the other says that it waits or finds it in sync', async () => {
    const slug = instance('two');
    const runs = await Promise.all([1, 2].map(() => run('reconcile', slug, '-o', 'json')));

    const results = runs.map((one) => resultsOf(one)[slug]).sort();
    expect(results[0]).toBe('converged');
    expect(['inSync', 'waiting']).toContain(results[1]);
    for (const one of runs) {
      const [item] = JSON.parse(one.stdout).items;
      expect(one.code).toBe(item.result === 'waiting' ? 1 : 0);
      if (item.result === 'waiting') expect(item.conditions[0]).toMatchObject({ status: 'False', reason: 'Locked' });
    }
    expect(docker.calls().filter((call) => call === 'up begins')).toHaveLength(1);
    expect(resultsOf(await run('reconcile', slug, '-o', 'json'))[slug]).toBe('inSync');
  });

  it('while one brings it up, others name it and wait', async () => {
    const slug = instance('busy');
    docker.hold('up');
    const first = start('reconcile', slug);
    await docker.held('up');

    const second = await run('reconcile', slug);
    expect(second.code).toBe(1);
    expect(second.stdout).toContain(`another upgrade of it is running: flotilla (pid ${first.pid})`);
    const preview = await run('reconcile', slug, '--dry-run', '-o', 'json');
    expect(resultsOf(preview)[slug]).toBe('waiting');

    docker.letGo('up');
    expect(await first.ended).toMatchObject({ code: 0 });
    expect(docker.calls().filter((call) => call === 'up begins')).toHaveLength(1);
    await converge(slug);
  });
});

it("an operator's script that holds the lock is named and waited for", async () => {
  const slug = instance('script');
  await converge(slug);
  fleet.writeInstance(slug, { ...QUICK, imageTag: 'v1.1.0' });
  const before = await tenantOf(slug);
  writeFileSync(join(fleet.dir, 'upgrade.sh'), 'echo started\nread -r _\n');
  const script = spawn('flock', [join(fleet.tenantDir(slug), '.flotilla/lock'), 'sh', join(fleet.dir, 'upgrade.sh')]);
  await once(script.stdout, 'data');

  const waiting = await run('reconcile', slug);
  expect(waiting.code).toBe(1);
  expect(waiting.stdout).toMatch(/another upgrade of it is running: upgrade\.sh \(pid \d+\)/);
  expect(await tenantOf(slug)).toEqual(before);

  script.stdin.end('go on\n');
  await once(script, 'exit');
  await converge(slug);
  expect((await fleet.containers(slug)).map(({ tag }) => tag)).toEqual(['v1.1.0', 'v1.1.0']);
});

/** Files byte for byte, and containers; without Flotilla's own records. */
async function tenantOf(slug: string) {
  return {
    files: snapshot(fleet.tenantDir(slug), { times: true }),
    containers: (await fleet.containers(slug)).map(({ id, state }) => ({ id, state })),
  };
}

describe('Ctrl-C', () => {
  it.each(['config', 'pull'])('before the commit, in compose %s: the tenant is as it was', async (verb) => {
    const slug = instance('early');
    await converge(slug);
    fleet.writeInstance(slug, { ...QUICK, imageTag: 'v1.1.0' });
    const before = await tenantOf(slug);
    docker.hold(verb);
    const running = start('reconcile', slug);
    await docker.held(verb);
    running.child.kill('SIGINT');
    const { code, stderr } = await running.ended;

    expect(code).toBe(130);
    expect(stderr).toContain('interrupted: no new work is started');
    expect(await tenantOf(slug)).toEqual(before);
    docker.letGo(verb);
    await converge(slug);
    expect((await fleet.containers(slug)).map(({ tag }) => tag)).toEqual(['v1.1.0', 'v1.1.0']);
  });

  it('after the commit: finishes, says so, and starts nothing else', async () => {
    const [first, second] = [instance('late-1'), instance('late-2')];
    docker.hold('up');
    const running = start('reconcile', '--concurrency', '1', '-o', 'json');
    await docker.held('up');
    running.child.kill('SIGINT');
    await running.until(/interrupted/);
    expect(running.stderr()).toContain(
      `interrupted: no new work is started; finishing ${first} (once more to stop at once)`,
    );
    docker.letGo('up');
    const ended = await running.ended;

    expect(ended.code).toBe(130);
    expect(ended.stderr).toContain(`${first}: converged`);
    expect(resultsOf(ended)).toEqual({ [first]: 'converged', [second]: 'failed' });
    expect(JSON.parse(ended.stdout).items[1].error).toMatchObject({ code: 'Cancelled' });
    expect(await fleet.containers(second)).toEqual([]);
    expect(resultsOf(await run('reconcile', '-o', 'json'))).toEqual({ [first]: 'inSync', [second]: 'converged' });
  });

  it('twice: stops at once; what compose still does is waited for, and the next run mends the rest', async () => {
    const slug = instance('twice');
    await converge(slug);
    fleet.writeInstance(slug, { ...QUICK, imageTag: 'v1.1.0' });
    docker.hold('up');
    const running = start('reconcile', slug);
    await docker.held('up');
    running.child.kill('SIGINT');
    await running.until(/once more to stop at once/);
    running.child.kill('SIGINT');
    const { code, stderr } = await running.ended;
    expect(code).toBe(130);
    expect(stderr).toContain('interrupted again: stopping at once; the next reconcile completes what is half done');

    const waiting = await run('reconcile', slug, '-o', 'json');
    expect(resultsOf(waiting)[slug]).toBe('waiting');
    docker.letGo('up');
    while (resultsOf(await run('reconcile', slug, '--dry-run', '-o', 'json'))[slug] === 'waiting') await sleep(100);
    await converge(slug);
    expect((await fleet.containers(slug)).map(({ tag, state }) => `${tag} ${state}`)).toEqual([
      'v1.1.0 exited',
      'v1.1.0 running',
    ]);
    expect(resultsOf(await run('reconcile', slug, '--dry-run', '-o', 'json'))[slug]).toBe('inSync');
  });
});

it('one broken manifest and one bad tag among good ones: the good ones converge', async () => {
  const good = ['good-1', 'good-2', 'good-3'].map((name) => instance(name));
  const missing = instance('missing', { imageTag: 'v9.9.9' });
  const broken = fleet.slug('broken');
  writeFileSync(
    join(fleet.manifests, `${broken}.yaml`),
    `apiVersion: flotilla.dev/v1\nkind: Instance\nmetadata: { name: ${broken} }\nspec: { fleet: production, host: one, imageTga: v1 }\n`,
  );
  const ended = await run('reconcile', '--concurrency', '3', '-o', 'json');

  expect(ended.code).toBe(1);
  expect(resultsOf(ended)).toEqual({
    ...Object.fromEntries(good.map((slug) => [slug, 'converged'])),
    [missing]: 'failed',
    [broken]: 'failed',
  });
  const { items } = JSON.parse(ended.stdout);
  expect(items.find((item: { slug: string }) => item.slug === missing).error.code).toBe('ImageNotFound');
  expect(items.find((item: { slug: string }) => item.slug === broken).error.code).toBe('ManifestInvalid');
  for (const slug of good)
    expect((await fleet.containers(slug)).map(({ state }) => state)).toEqual(['exited', 'running']);
});
