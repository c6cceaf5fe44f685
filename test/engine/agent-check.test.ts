import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type BuiltCli, buildCli, runCli } from '../support/cli-process.js';
import { docker, engine } from '../support/engine.js';
import { makePki } from '../support/pki.js';

let cli: BuiltCli;
let dir: string;
beforeAll(() => {
  cli = buildCli();
  dir = mkdtempSync(join(tmpdir(), 'flotilla-agent-check-'));
});
afterAll(() => {
  cli.remove();
  rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
});

it('flotilla agent --check finds a host with an engine and compose in order, and leaves it as it was', async () => {
  const root = join(dir, 'tenants');
  mkdirSync(root);
  const pki = await makePki(join(dir, 'pki'), { agents: [{ name: 'one' }] });
  const args = ['agent', '--check', '--root', root, '--pki', pki.agents.one as string, '--listen', '127.0.0.1:0'];
  const { code, stdout, stderr } = await runCli(cli, args, { cwd: dir });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const lines = stdout.trim().split('\n');
  expect(lines.map((line) => line.split(/ +/).slice(0, 2).join(' '))).toEqual(
    ['engine', 'docker', 'compose', 'root', 'flock', 'tenants', 'certificate', 'key', 'clock', 'address'].map(
      (what) => `ok ${what}`,
    ),
  );
  expect(lines[0]).toContain(await docker(['version', '--format', '{{.Server.Version}}']));
  expect(lines[0]).toContain(engine().dockerHost);
  expect(lines[2]).toContain(await docker(['compose', 'version', '--short']));
  expect(readdirSync(root)).toEqual([]);
});
