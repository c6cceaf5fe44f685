import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { appImage } from '../support/docker-host.js';
import { docker } from '../support/engine.js';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const TSX = import.meta.resolve('tsx');
const CANARY = 'canary-7b1d';
const slug = `cli-${process.pid}`;

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'flotilla-cli-engine-'));
  for (const path of ['manifests', `tenants/${slug}`, 'templates/web/files']) {
    mkdirSync(join(directory, path), { recursive: true });
  }
  writeFileSync(
    join(directory, 'manifests/fleet.yaml'),
    `apiVersion: flotilla.dev/v1\nkind: Host\nmetadata: { name: here }\nspec: { local: ../tenants }\n---\napiVersion: flotilla.dev/v1\nkind: Instance\nmetadata: { name: ${slug} }\nspec:\n  host: here\n  template: web\n  imageTag: v1.0.0\n  timeouts: { settle: 2s }\n`,
  );
  writeFileSync(
    join(directory, 'templates/web/template.yaml'),
    'apiVersion: flotilla.dev/v1\nkind: Template\nmetadata: { name: web }\nspec: { compose: docker-compose.yml }\n',
  );
  writeFileSync(
    join(directory, 'templates/web/files/docker-compose.yml.mustache'),
    `services:\n  web:\n    image: ${appImage('{{imageTag}}')}\n    environment: { SECRET: "\${SECRET:?}" }\n`,
  );
  writeFileSync(join(directory, `tenants/${slug}/.env`), `SECRET=${CANARY}\n`);
});
afterAll(async () => {
  await docker(['compose', '-p', slug, 'down', '-v', '-t', '0'], { cwd: directory });
  rmSync(directory, { recursive: true, maxRetries: 10, retryDelay: 50 });
});

interface Run {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** `interruptAt`: the line on standard error at which Ctrl-C is sent. */
function flotilla(argv: readonly string[], { interruptAt }: { interruptAt?: string } = {}): Promise<Run> {
  const child = spawn(process.execPath, ['--import', TSX, MAIN, ...argv], { cwd: directory });
  const run: Run = { code: null, stdout: '', stderr: '' };
  let sent = false;
  child.stdout.on('data', (chunk) => {
    run.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    run.stderr += chunk;
    if (sent || interruptAt === undefined || !run.stderr.includes(interruptAt)) return;
    sent = true;
    child.kill('SIGINT');
  });
  return new Promise((resolve) => {
    child.on('close', (code) => resolve({ ...run, code }));
  });
}

it('brings a tenant up, upgrades it, lists it, rolls it back, and ends well when interrupted', {
  timeout: 300_000,
}, async () => {
  const runs: Run[] = [];
  const go = async (line: string, options?: { interruptAt?: string }) => {
    const run = await flotilla(line.split(' '), options);
    runs.push(run);
    return run;
  };

  const preview = await go('reconcile --dry-run --detailed-exitcode');
  expect(preview).toMatchObject({ code: 2, stdout: expect.stringContaining('create    web  new service') });

  const first = await go('reconcile');
  expect(first).toMatchObject({ code: 0, stdout: expect.stringMatching(/\n1 instance: 1 converged\n$/) });
  expect(first.stderr).toContain(`${slug}: up\n`);
  expect(first.stderr).toMatch(new RegExp(`${slug}: converged\n$`));

  const again = await go('reconcile --detailed-exitcode');
  expect(again).toEqual({
    code: 0,
    stdout: `${slug} on here: v1.0.0 (in sync)\n\n1 instance: 1 in sync\n`,
    stderr: '',
  });

  await go(`set-image ${slug} v1.1.0 -q`);
  const interrupted = await go('reconcile', { interruptAt: `${slug}: commit\n` });
  expect(interrupted.code).toBe(130);
  expect(interrupted.stderr).toContain(
    `interrupted: no new work is started; finishing ${slug} (once more to stop at once)\n`,
  );
  expect((await go('get')).stdout).toMatch(
    new RegExp(`^${slug}\\s+here\\s+-\\s+v1\\.1\\.0\\s+v1\\.1\\.0\\s+InSync`, 'm'),
  );

  const asked = await go(`rollback ${slug}`);
  expect(asked).toMatchObject({ code: 1, stderr: expect.stringContaining('add --yes to go ahead') });
  const back = await go(`rollback ${slug} --yes`);
  expect(back.stdout).toContain(`${slug} on here: back to generation 1, v1.1.0 -> v1.0.0\n`);
  expect(back).toMatchObject({ code: 0, stdout: expect.stringContaining('still names v1.1.0') });
  expect(await docker(['compose', '-p', slug, 'ps', '--format', 'json'])).toContain(':v1.0.0');

  const held = await go('reconcile --detailed-exitcode');
  expect(held).toMatchObject({ code: 1, stdout: expect.stringContaining('(waiting: RolledBack)') });
  expect((await go(`generations ${slug}`)).stdout).toMatch(/^3 +v1\.0\.0 +verified +live/m);
  expect((await go('reconcile --ignore-hold -q')).code).toBe(0);
  expect(readFileSync(join(directory, `tenants/${slug}/.env`), 'utf8')).toBe(`SECRET=${CANARY}\n`);

  for (const { stdout, stderr } of runs) expect(stdout + stderr).not.toContain(CANARY);
});
