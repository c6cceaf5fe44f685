import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { run } from '../../src/cli/run.js';
import { memoryIo } from '../support/memory-io.js';
import { createTinyFleet } from '../support/tiny-fleet.js';

// The first use of a command loads its modules, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

let fleet: ReturnType<typeof createTinyFleet>;
beforeEach(() => {
  fleet = createTinyFleet();
});
afterEach(() => fleet.remove());

/** Runs a command line on the tiny fleet, in this process. */
async function flotilla(...argv: string[]) {
  const io = memoryIo();
  const place = ['--manifests', join(fleet.directory, 'manifests'), '--templates', join(fleet.directory, 'templates')];
  const code = await run([...argv, ...place], io);
  return { code, stdout: io.stdout().replaceAll(`${fleet.directory}/`, ''), stderr: io.stderr() };
}

describe('validate', () => {
  it('lists everything that is wrong, with file, line and column, and ends in 1', async () => {
    writeFileSync(
      join(fleet.directory, 'manifests/bad.yaml'),
      'apiVersion: flotilla.dev/v1\nkind: Instance\nmetadata: { name: beta }\nspec: { host: hear, template: web, imageTag: "a b", colour: red }\n',
    );
    const { code, stdout } = await flotilla('validate');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^manifests\/bad\.yaml:4:\d+: error: /m);
    expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/^1 instance, 1 host, 1 template: \d+ problems?$/);
    expect(JSON.parse((await flotilla('validate', '-o', 'json')).stdout).problems[0]).toMatchObject({ line: 4 });
  });

  it('shows a fault of a template once, however many instances use it', async () => {
    writeFileSync(
      join(fleet.directory, 'manifests/more.yaml'),
      readFileSync(fleet.manifest, 'utf8').split('---\n')[1]?.replace('acme', 'beta') ?? '',
    );
    writeFileSync(join(fleet.directory, 'templates/web/files/note.mustache'), '{{imageTga}}\n');
    const { code, stdout } = await flotilla('validate', '--render');
    expect(code).toBe(1);
    expect(stdout.match(/imageTga/g)?.length).toBeLessThanOrEqual(3);
    expect(stdout).toContain('2 instances, 1 host, 1 template: 1 problem\n');
  });
});

describe('render', () => {
  it('prints the file set, and leaves sensitive contents out', async () => {
    const { stdout } = await flotilla('render', 'acme');
    expect(stdout).toBe(
      '# docker-compose.yml (0644, 93 bytes)\nservices:\n  web:\n    image: example.org/web:v1.0.0\n    environment: { SMTP: "${SMTP_HOST}" }\n\n' +
        '# secret.txt (0600, 5 bytes, sensitive)\n(sensitive: --show-sensitive prints it)\n\n',
    );
  });

  it('writes the file set into a directory', async () => {
    const { stdout } = await flotilla('render', 'acme', '--output', join(fleet.directory, 'out'));
    expect(stdout).toBe('out/docker-compose.yml\nout/secret.txt\n');
    expect(readFileSync(join(fleet.directory, 'out/secret.txt'), 'utf8')).toBe('hush\n');
  });

  it('names the nearest file and the nearest instance', async () => {
    const missing = await flotilla('render', 'acme', '--file', 'secret.text');
    expect(missing).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('did you mean "secret.txt"?'),
    });
    expect(await flotilla('render', 'acm')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('did you mean "acme"?'),
    });
  });
});

describe('previews of files, which need no engine', () => {
  it('are in the format that is asked for, with sensitive values masked', async () => {
    const text = await flotilla('reconcile', '--dry-run', '--files-only');
    expect(text).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringMatching(/^acme on here: new -> v1\.0\.0 \(changed\)\n/),
    });
    const json = await flotilla('reconcile', '--dry-run', '--files-only', '-o', 'json');
    expect(JSON.parse(json.stdout)).toMatchObject({ kind: 'ReconcileReport', summary: { changed: 1 } });
    const yaml = await flotilla('reconcile', '--dry-run', '--files-only', '-o', 'yaml');
    expect(yaml.stdout).toMatch(/^apiVersion: flotilla\.dev\/v1\nkind: ReconcileReport\n/);
    const markdown = await flotilla('reconcile', '--dry-run', '--files-only', '-o', 'markdown');
    expect(markdown.stdout).toContain('<details><summary><b>acme</b> on here: new → v1.0.0</summary>');
    const diff = await flotilla('diff', 'acme', '--detailed-exitcode');
    expect(diff).toMatchObject({ code: 2, stdout: expect.stringContaining('+    image: example.org/web:v1.0.0') });
    for (const { stdout } of [text, json, yaml, markdown, diff]) expect(stdout).not.toContain('hush');
  });

  it('go on beside a broken document, and end in 1', async () => {
    writeFileSync(join(fleet.directory, 'manifests/bad.yaml'), 'kind: Instance\nmetadata: { name: beta }\n');
    const { code, stdout } = await flotilla('reconcile', '--dry-run', '--files-only', '--detailed-exitcode');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^acme on here: new -> v1\.0\.0 \(changed\)\n/);
    expect(stdout).toMatch(/\nbeta \(failed\)\n/);
  });

  it('cannot be applied', async () => {
    const { code, stderr } = await flotilla('reconcile', '--files-only');
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('add --dry-run') });
  });
});

describe('an instance that was never applied', () => {
  it('has no generations, and asking for a rollback says so', async () => {
    expect(await flotilla('generations', 'acme')).toMatchObject({ code: 0, stdout: 'nothing was applied yet\n' });
    expect(await flotilla('rollback', 'acme', '--yes')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('GenerationNotFound'),
    });
  });
});

describe('suspend and resume', () => {
  it('edit the manifest and nothing else, and say what comes next', async () => {
    const before = readFileSync(fleet.manifest, 'utf8');
    expect(await flotilla('suspend', 'acme')).toMatchObject({
      code: 0,
      stdout: 'manifests/fleet.yaml:9: acme is suspended\n',
      stderr: 'next: commit the change; the daemon leaves what is suspended alone\n',
    });
    const suspended = before.replace('host: here,', 'host: here, suspend: true,');
    expect(readFileSync(fleet.manifest, 'utf8')).toBe(suspended);
    expect(await flotilla('suspend', 'acme')).toMatchObject({
      stdout: expect.stringMatching(/already\n$/),
      stderr: '',
    });
    expect((await flotilla('resume', 'acme')).stdout).toBe('manifests/fleet.yaml:9: acme is not suspended\n');
    expect(await flotilla('resume', 'acme')).toMatchObject({ stdout: expect.stringMatching(/already\n$/), stderr: '' });
  });

  it('edit all of those named or none', async () => {
    const before = readFileSync(fleet.manifest, 'utf8');
    expect(await flotilla('suspend', 'acme', 'acne')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('did you mean acme?'),
    });
    expect(readFileSync(fleet.manifest, 'utf8')).toBe(before);
  });
});

describe('completion', () => {
  it('offers commands, options, slugs, tags, formats and kinds', async () => {
    const print = vi.spyOn(console, 'log').mockImplementation(() => undefined);
    const words = async (...line: string[]) => {
      print.mockClear();
      await run(
        ['complete', '--', ...line],
        memoryIo({ env: { FLOTILLA_MANIFESTS: join(fleet.directory, 'manifests') } }),
      );
      return print.mock.calls.flatMap(([text]) => (String(text).includes('\t') ? [String(text).split('\t')[0]] : []));
    };
    expect(await words('re')).toEqual(['reconcile', 'render', 'resume']);
    expect(await words('reconcile', '--dry')).toEqual(['--dry-run']);
    expect(await words('reconcile', 'other', 'ac')).toEqual(['acme']);
    expect(await words('set-image', 'acme', '')).toEqual(['v1.0.0']);
    expect(await words('reconcile', '-o', 'ya')).toEqual(['yaml']);
    expect(await words('get', 'h')).toEqual(['hosts']);
    for (const command of ['history', 'events', 'wait', 'generations', 'suspend', 'resume'])
      expect(await words(command, '')).toEqual(['acme']);
    expect(await words('wait', 'acme', '--for', 'Dr')).toEqual(['Drifted', 'Drifted=False']);
    expect(await words('events', '--types', '')).toEqual(['Normal', 'Warning']);
    rmSync(join(fleet.directory, 'manifests'), { recursive: true });
    expect(await words('reconcile', '')).toEqual([]);
    print.mockRestore();
  });

  it.each(['bash', 'zsh', 'fish'])('has a script for %s', async (shell) => {
    const io = memoryIo();
    expect(await run(['completion', shell], io)).toBe(0);
    expect(io.stdout()).toContain('flotilla complete --');
    expect(io.stdout()).not.toMatch(/^readonly /m);
  });
});
