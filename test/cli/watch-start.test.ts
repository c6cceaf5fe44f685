import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { canMount, temporaryMount } from '../agent/support/tenant-tree.js';
import { type BuiltCli, buildCli } from '../support/cli-process.js';
import { createWatchSite, type WatchSite } from '../support/watch-site.js';

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

describe('--check-config', () => {
  const check = (text: string) => {
    site.write('watch.yaml', text);
    return site.run('--config', 'watch.yaml', '--check-config').ended;
  };
  const HEAD = 'apiVersion: flotilla.dev/v1\nkind: WatchConfig\nspec:\n';

  it('says that settings are in order, and touches nothing', async () => {
    const { code, stdout, stderr } = await check(`${HEAD}  concurrency: { perHost: 2 }\n`);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'the configuration is valid\n', stderr: '' });
    expect(existsSync(join(site.directory, 'state'))).toBe(false);
  });

  it('says where each problem is', async () => {
    const { code, stdout, stderr } = await check(`${HEAD}  concurrency: { perHost: none }\n  shrinkToo: 1\n`);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^watch\.yaml:4:27: /m);
    expect(stderr).toMatch(/^watch\.yaml:5:3: .*\n(?:.*\n)*?.*did you mean "?shrinkTo"?/m);
    expect(stderr).toContain('error: the configuration has 2 problems (ConfigInvalid)\n');
  });

  it('says that there is no such file', async () => {
    const { code, stderr } = await site.run('--config', 'none.yaml', '--check-config').ended;
    expect(code).toBe(1);
    expect(stderr).toContain('none.yaml');
    expect(stderr).toContain('(ConfigInvalid)');
  });
});

describe('a daemon that cannot start', () => {
  it('because its port is taken says so, and leaves its state to the next', async () => {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as { port: number };
    try {
      const { code, stderr } = await site.run('--listen', `127.0.0.1:${port}`).ended;
      expect(code).toBe(1);
      expect(stderr).toMatch(
        new RegExp(`^error: cannot listen at 127\\.0\\.0\\.1:${port}: .* \\(UsageInvalid\\)$`, 'm'),
      );
      expect(stderr).toMatch(/^ {2}choose another address with --listen$/m);
    } finally {
      await new Promise((done) => server.close(done));
    }
    expect((await (await site.watch()).stop()).code).toBe(0);
  });

  it('because its history is no database says what to do', async () => {
    site.write('state/history.db', 'this is no database, and never was one\n'.repeat(200));
    const { code, stderr } = await site.run('--listen', 'off').ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^error: the history in .*\/state\/history\.db cannot be used: it is not a database \(HistoryUnavailable\)$/m,
    );
    expect(stderr).toMatch(/^ {2}stop flotilla watch and move the file .* away/m);
    expect(stderr).not.toContain('    at ');
  });

  it('because its history was cut short says so', async () => {
    await (await site.watch()).stop();
    const file = join(site.directory, 'state/history.db');
    writeFileSync(file, readFileSync(file).subarray(0, 5_000));
    const { code, stderr } = await site.run('--listen', 'off').ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: the history in .* cannot be used: .* \(HistoryUnavailable\)$/m);
    expect(stderr).not.toContain('    at ');
  });

  it('because everybody may write to its state says so', async () => {
    site.write('state/.keep', '');
    chmodSync(join(site.directory, 'state'), 0o777);
    const { code, stderr } = await site.run('--listen', 'off').ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^error: everybody may write to the state directory .* \(ConfigInvalid\)\n {2}take that right away/m,
    );
  });

  it('because a file is where its state is to be says so', async () => {
    site.write('state', '');
    const { code, stderr } = await site.run('--listen', 'off').ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: cannot use the state directory .*\/state: .* \(ConfigInvalid\)$/m);
  });

  it.skipIf(!canMount())('because its disk is full says so', async () => {
    const mount = temporaryMount('64k');
    try {
      writeFileSync(join(mount, 'filler'), Buffer.alloc(128 * 1024));
    } catch {
      // As much as there was place for.
    }
    const { code, stderr } = await site.run('--listen', 'off', '--state', join(mount, 'state')).ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: .*the disk is full \((?:HistoryUnavailable|DiskFull)\)\n {2}free some space/m);
  });
});
