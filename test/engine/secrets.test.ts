import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantDriver } from '../../src/agent-client/tenant-driver.js';
import { type BuiltCli, buildCli, type Ended, runCli } from '../support/cli-process.js';
import { createFleet, type TestFleet } from '../support/fleet.js';
import { CANARIES, failingCases, GOOD, type SecretCase } from '../support/secret-cases.js';

let cli: BuiltCli;
let fleet: TestFleet;
let temporary: string;
const runs: { line: string; run: Ended }[] = [];

beforeAll(() => {
  cli = buildCli();
  fleet = createFleet(() => ({ close: async () => undefined }) as TenantDriver);
  temporary = join(fleet.dir, 'tmp');
  mkdirSync(temporary);
});
afterAll(async () => {
  await fleet.cleanUp();
  cli.remove();
});

/** Logs all that there is to log. What it wrote is looked through at the end. */
async function flotilla(...args: string[]): Promise<Ended> {
  const env = { TMPDIR: temporary, FLOTILLA_LOG_LEVEL: 'trace' };
  const run = await runCli(cli, args, { cwd: fleet.dir, env });
  runs.push({ line: args.join(' '), run });
  return run;
}

const TIMEOUTS = { pull: '1m', up: '1m', verify: '5s', settle: '200ms' };

function set(one: SecretCase): string {
  const slug = fleet.slug(one.name);
  const folder = join(fleet.templates, slug);
  const sensitive = Object.keys(one.sensitive ?? {}).map((path) => path.replace('.mustache', ''));
  write(
    join(folder, 'template.yaml'),
    JSON.stringify({
      apiVersion: 'flotilla.dev/v1',
      kind: 'Template',
      metadata: { name: slug },
      spec: {
        compose: 'docker-compose.yml',
        tenantCompose: ['docker-compose.override.yml'],
        files: sensitive.map((path) => ({ path, sensitive: true, mode: '0600' })),
      },
    }),
  );
  const files = { 'docker-compose.yml.mustache': one.compose, ...one.sensitive };
  for (const [path, text] of Object.entries(files)) write(join(folder, 'files', path), text);
  fleet.writeInstance(slug, { template: slug, timeouts: TIMEOUTS, values: one.values ?? {} });
  return slug;
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** Everything below a directory that holds a canary; what is in `except` may. */
function filesWithCanaries(directory: string, except: RegExp): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !except.test(path) && findCanary(readFileSync(path, 'utf8')) !== null);
}

function findCanary(text: string): string | null {
  return CANARIES.find((canary) => text.includes(canary)) ?? null;
}

/** Told without the secret itself, but with enough to find it. */
function leaks(): string[] {
  return runs.flatMap(({ line, run }) =>
    [run.stdout, run.stderr].flatMap((text, stream) =>
      text
        .split('\n')
        .filter((each) => findCanary(each) !== null)
        .map((each) => `flotilla ${line}, ${stream === 0 ? 'stdout' : 'stderr'}: ${each}`),
    ),
  );
}

const FORMATS = ['text', 'json', 'yaml', 'markdown'];

describe('secrets of a tenant', () => {
  it('are in nothing that a well-behaved one makes Flotilla print or keep, whatever is asked', async () => {
    const slug = set(GOOD);
    fleet.writeTenant(slug, GOOD.tenant);
    for (const format of FORMATS) await flotilla('reconcile', slug, '--dry-run', '-v', '-o', format);
    const first = await flotilla('reconcile', slug, '-v');
    expect(first.code, first.stdout).toBe(0);

    set({ ...GOOD, sensitive: { 'secret.conf.mustache': `key = ${CANARIES[2]}\nadded = ${CANARIES[3]}\n` } });
    fleet.writeTenant(slug, { 'secret.conf': `${CANARIES[0]} edited by hand\n` });
    for (const format of FORMATS) {
      const { stdout } = await flotilla('reconcile', slug, '--dry-run', '-v', '-o', format);
      expect(stdout).toContain('secret.conf');
    }
    for (const format of ['text', 'json', 'yaml']) await flotilla('diff', slug, '-o', format);
    expect(await flotilla('reconcile', slug, '-o', 'json')).toMatchObject({ code: 0 });
    for (const format of ['text', 'wide', 'json', 'yaml']) await flotilla('get', 'instances', '-o', format);
    for (const format of ['text', 'json', 'yaml']) await flotilla('generations', slug, '-o', format);
    for (const line of ['validate --render', `render ${slug}`, `rollback ${slug} --dry-run`, `rollback ${slug} --yes`])
      await flotilla(...line.split(' '));
    expect(leaks()).toEqual([]);
  }, 300_000);

  it('are in no failure, report, log or record, however compose, the engine or a reader words it', async () => {
    const cases = failingCases();
    const slugs = cases.map((one) => {
      const slug = set(one);
      fleet.writeTenant(slug, one.tenant);
      return slug;
    });
    for (const format of FORMATS) {
      const applied = format === 'text' || format === 'json';
      const { stdout } = await flotilla(
        'reconcile',
        ...slugs,
        '-v',
        '--concurrency',
        '6',
        '-o',
        format,
        ...(applied ? [] : ['--dry-run']),
      );
      if (format !== 'json') continue;
      const items: { slug: string; result: string; error: { code: string } | null }[] = JSON.parse(stdout).items;
      const seen = items.map(({ slug, result, error }) => [slug, error?.code ?? result]);
      expect(Object.fromEntries(seen)).toEqual(Object.fromEntries(cases.map((one, i) => [slugs[i], one.expected])));
    }
    for (const format of ['text', 'json', 'yaml']) {
      await flotilla('get', 'instances', '-o', format);
      await flotilla('diff', ...slugs, '-o', format);
      for (const slug of slugs.slice(0, 3)) await flotilla('generations', slug, '-o', format);
    }
    await flotilla('validate', '--render', '-o', 'json');
    expect(leaks()).toEqual([]);
  }, 600_000);

  it('are kept on the host in the file sets themselves, for nobody but the owner, and nowhere else', () => {
    const kept = /\/\.flotilla\/(?:generations\/\d+\/files|found)\//;
    const state = readdirSync(fleet.root)
      .map((slug) => join(fleet.tenantDir(slug), '.flotilla'))
      .filter((directory) => existsSync(directory));
    expect(state.flatMap((directory) => filesWithCanaries(directory, kept))).toEqual([]);
    expect(filesWithCanaries(temporary, /^$/)).toEqual([]);
    const copies = filesWithCanaries(join(fleet.tenantDir(fleet.slug('good')), '.flotilla'), /^$/);
    expect(copies).not.toEqual([]);
  });

  it('would have been found: the runs did print what they are about', () => {
    const printed = runs.map(({ run }) => run.stdout + run.stderr).join('\n');
    for (const word of ['secret.conf', 'SECRET', 'PORT', '"level":20']) expect(printed).toContain(word);
  });
});
