import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const PROJECT = resolve(import.meta.dirname, '../..');

describe('the package', () => {
  let dir: string;
  const flotilla = (...args: string[]) =>
    execa(join(dir, 'global/bin/flotilla'), args, { cwd: dir, reject: false, env: { NO_COLOR: '1' } });

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'flotilla-package-'));
    await execa('npm', ['pack', '--ignore-scripts', '--pack-destination', dir], { cwd: PROJECT });
    const tarball = readdirSync(dir).find((name) => name.endsWith('.tgz')) ?? '';
    await execa('npm', [
      'install',
      '--global',
      '--prefix',
      join(dir, 'global'),
      '--prefer-offline',
      join(dir, tarball),
    ]);
  }, 300_000);
  afterAll(() => rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }));

  it('installs a flotilla that tells its version and its commands', async () => {
    expect(await flotilla('--version')).toMatchObject({ stderr: '', exitCode: 0 });
    expect((await flotilla('--version')).stdout).toMatch(/^\d+\.\d+\.\d+$/);
    expect((await flotilla('--help')).stdout).toContain('reconcile [SLUG...]');
  });

  it('works away from its checkout: validates, renders and previews', async () => {
    await mkdir(join(dir, 'templates/web/files'), { recursive: true });
    await mkdir(join(dir, 'manifests'));
    await mkdir(join(dir, 'tenants'));
    writeFileSync(
      join(dir, 'templates/web/template.yaml'),
      'apiVersion: flotilla.dev/v1\nkind: Template\nmetadata: { name: web }\nspec: { compose: docker-compose.yml }\n',
    );
    writeFileSync(
      join(dir, 'templates/web/files/docker-compose.yml.mustache'),
      'services: { web: { image: "web:{{imageTag}}" } }\n',
    );
    writeFileSync(
      join(dir, 'manifests/fleet.yaml'),
      [
        'apiVersion: flotilla.dev/v1\nkind: Host\nmetadata: { name: here }\nspec: { local: ../tenants }',
        'apiVersion: flotilla.dev/v1\nkind: Instance\nmetadata: { name: acme }\nspec: { host: here, template: web, imageTag: v1 }\n',
      ].join('\n---\n'),
    );
    expect(await flotilla('validate')).toMatchObject({ exitCode: 0 });
    expect((await flotilla('render', 'acme', '--file', 'docker-compose.yml')).stdout).toContain('image: "web:v1"');
    const preview = await flotilla('reconcile', '--dry-run', '--files-only', '--detailed-exitcode');
    expect(preview.stdout).toContain('acme on here: new -> v1 (changed)');
    expect(preview.exitCode).toBe(2);
  });
});
