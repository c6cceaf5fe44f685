import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type BuiltCli, buildCli } from '../support/cli-process.js';
import { createWatchSite, type WatchSite } from '../support/watch-site.js';
import { until } from '../support/watch-state.js';

const PROMTOOL = resolve(import.meta.dirname, '../../scripts/promtool.sh');
vi.setConfig({ testTimeout: 400_000, hookTimeout: 120_000 });

let cli: BuiltCli;
let site: WatchSite;

beforeAll(() => {
  cli = buildCli();
});
afterAll(() => cli.remove());
beforeEach(async () => {
  site = await createWatchSite(cli);
});
afterEach(() => site.close());

const tenantFile = () => readFileSync(join(site.directory, 'tenants/acme/docker-compose.yml'), 'utf8');

describe('a daemon', () => {
  it('brings up what is desired, serves probes and metrics, takes up a save, and ends with 0 when it is told to', async () => {
    const daemon = await site.watch();
    expect(await daemon.untilReadiness(200)).toEqual([]);
    expect((await daemon.get('/healthz')).status).toBe(200);
    await site.state.untilReady('acme', 'v1.0.0');
    site.want('v1.1.0');
    await site.state.untilReady('acme', 'v1.1.0');
    expect(tenantFile()).toContain('app:v1.1.0');
    const { status, text } = await daemon.get('/metrics');
    expect(status).toBe(200);
    expect(text).toMatch(/^workqueue_depth\{name="instances"\} \d+$/m);
    expect(text).toMatch(/^flotilla_build_info\{version="[0-9][^"]*"\} 1$/m);
    expect(text).toMatch(/^flotilla_upgrades_total\{result="converged",cause="update"\} 2$/m);
    const promtool = execFileSync(PROMTOOL, { encoding: 'utf8', timeout: 300_000 }).trim();
    const found = execFileSync(promtool, ['check', 'metrics'], { input: text, encoding: 'utf8', timeout: 60_000 });
    expect(found).toBe('');
    const { code, stdout } = await daemon.stop();
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(daemon.logged('daemon stopped').length).toBe(1);
  });

  it('is alone on its state: a second one names the pid of the first, and after kill -9 a new one starts', async () => {
    const first = await site.watch();
    const second = await site.run('--listen', 'off').ended;
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(
      `error: the state directory ${join(site.directory, 'state')} is in use by another process (pid ${first.pid}) (StateLocked)\n`,
    );
    expect(second.stderr).toContain('  only one flotilla watch can use it: ');
    await site.state.untilReady('acme', 'v1.0.0');
    first.child.kill('SIGKILL');
    await first.ended;
    const third = await site.watch();
    await third.untilReadiness(200);
    site.want('v1.1.0');
    await site.state.untilReady('acme', 'v1.1.0');
    expect((await third.stop()).code).toBe(0);
  });

  it('finishes an apply that has begun before it stops', async () => {
    site.docker.hold('up');
    const daemon = await site.watch();
    await site.docker.held('up');
    daemon.child.kill('SIGTERM');
    await daemon.until(/daemon stops/);
    expect(daemon.hasEnded()).toBe(false);
    site.docker.letGo('up');
    expect((await daemon.ended).code).toBe(0);
    expect((await site.state.upgrades('acme')).map(({ result }) => result)).toEqual(['converged']);
  });

  it('ends at once when it is told twice, and the next one completes what was half done', async () => {
    site.docker.hold('up');
    const daemon = await site.watch();
    await site.docker.held('up');
    daemon.child.kill('SIGTERM');
    await daemon.until(/daemon stops/);
    daemon.child.kill('SIGTERM');
    expect((await daemon.ended).code).toBe(143);
    site.docker.letGo('up');
    await site.watch();
    await site.state.untilReady('acme', 'v1.0.0');
    expect((await site.state.upgrades('acme')).at(-1)?.result).toBe('interrupted');
  });
});

describe('SIGHUP', () => {
  it('takes up what has changed, keeps all when there is an error, and names what only a restart changes', async () => {
    const daemon = await site.watch();
    const reload = async (message: string) => {
      const before = daemon.logged(message).length;
      daemon.child.kill('SIGHUP');
      return until(message, () => daemon.logged(message)[before] ?? null, daemon.stderr);
    };
    site.configure({ concurrency: { total: 9, perHost: 3 } });
    expect(await reload('configuration read again')).toMatchObject({ applied: ['concurrency'] });

    site.configure({ concurrency: { total: 'many' }, shrinkTo: 0.25 });
    const refused = await reload('configuration cannot be read: the one from before stays in force');
    expect(refused).toMatchObject({ err: { code: 'ConfigInvalid' } });
    expect(daemon.hasEnded()).toBe(false);
    await daemon.untilReadiness(200);

    // Compared with what was in force, of which the broken file has changed nothing.
    site.configure({ concurrency: { total: 9, perHost: 3 }, shrinkTo: 0.25, resync: { schedule: '*/5 * * * *' } });
    expect(await reload('configuration read again')).toMatchObject({ applied: ['resync', 'shrinkTo'] });

    site.configure({ concurrency: { total: 9, perHost: 3 }, shrinkTo: 0.25, state: './elsewhere' });
    expect(await reload('settings that only a restart changes')).toMatchObject({ settings: ['state'] });
    expect(existsSync(join(site.directory, 'elsewhere'))).toBe(false);

    site.want('v1.1.0');
    await site.state.untilReady('acme', 'v1.1.0');
    expect((await daemon.stop()).code).toBe(0);
  });

  it('that comes a hundred times in a row is taken as it comes', async () => {
    const daemon = await site.watch();
    for (let i = 0; i < 100; i += 1) daemon.child.kill('SIGHUP');
    await daemon.until(/configuration read again/);
    await daemon.untilReadiness(200);
    expect((await daemon.stop()).code).toBe(0);
  });
});
