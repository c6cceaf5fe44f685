import { execFileSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { directoryOf, HEAD, load, problemsOf } from './support.js';

describe('the settings of the daemon', () => {
  it('are the defaults where nothing is said', async () => {
    const cwd = directoryOf({});
    expect(await load(cwd)).toEqual({
      source: { kind: 'directory', manifests: join(cwd, 'manifests'), templates: join(cwd, 'templates') },
      state: join(cwd, 'state'),
      pki: join(cwd, 'pki/controller'),
      listen: '127.0.0.1:7480',
      concurrency: { total: 400, perHost: 4 },
      resync: { cron: '*/10 * * * *', timeZone: 'UTC', jitterMs: 60_000 },
      shrinkTo: 0.5,
      retentionMs: 90 * 24 * 60 * 60 * 1000,
      webhooks: [],
      notifications: [],
      logLevel: 'info',
    });
  });

  it('come from flags, then the environment, then the file', async () => {
    const spec =
      'spec: { state: file, pki: file, listen: "a:1", log: { level: error }, concurrency: { perHost: 1, total: 9 } }\n';
    const cwd = directoryOf({ 'etc/watch.yaml': HEAD + spec });
    const env = {
      FLOTILLA_CONFIG: 'etc/watch.yaml',
      FLOTILLA_PKI: 'variable',
      FLOTILLA_LISTEN: 'b:2',
      FLOTILLA_LOG_LEVEL: 'warn',
      FLOTILLA_CONCURRENCY: '2',
      FLOTILLA_TEMPLATES: '',
    };
    const flags = { listen: 'off', logLevel: 'debug', concurrency: 3 };
    expect(await load(cwd, { env, flags })).toMatchObject({
      source: { templates: join(cwd, 'etc/templates') },
      state: join(cwd, 'etc/file'),
      pki: join(cwd, 'variable'),
      listen: null,
      logLevel: 'debug',
      concurrency: { perHost: 3, total: 9 },
    });
    expect(await load(cwd, { env })).toMatchObject({ listen: 'b:2', logLevel: 'warn', concurrency: { perHost: 2 } });
    const file = { FLOTILLA_CONFIG: 'etc/watch.yaml' };
    expect(await load(cwd, { env: file })).toMatchObject({
      listen: 'a:1',
      logLevel: 'error',
      concurrency: { perHost: 1 },
    });
  });

  it('take the file that a flag names rather than that of the environment', async () => {
    const cwd = directoryOf({
      'a.yaml': `${HEAD}spec: { shrinkTo: 0.1 }\n`,
      'b.json': '{"apiVersion":"flotilla.dev/v1","kind":"WatchConfig","spec":{"shrinkTo":0.2}}',
    });
    expect((await load(cwd, { file: 'b.json', env: { FLOTILLA_CONFIG: 'a.yaml' } })).shrinkTo).toBe(0.2);
  });

  it('may read from a repository, by a path relative to the file or as it is written', async () => {
    const git = (url: string, more = '') => `${HEAD}spec: { source: { git: { url: '${url}'${more} } } }\n`;
    const cwd = directoryOf({
      'etc/a.yaml': git('../fleet.git', ', tag: v1, interval: 30s, verify: { allowedSigners: signers }'),
      'etc/b.yaml': git('git@git.example.org:ops/fleet.git'),
    });
    expect((await load(cwd, { file: 'etc/a.yaml' })).source).toEqual({
      kind: 'git',
      url: join(cwd, 'fleet.git'),
      ref: { tag: 'v1' },
      manifests: 'manifests',
      templates: 'templates',
      intervalMs: 30_000,
      allowedSigners: join(cwd, 'etc/signers'),
    });
    expect((await load(cwd, { file: 'etc/b.yaml' })).source).toMatchObject({
      url: 'git@git.example.org:ops/fleet.git',
      ref: { branch: 'main' },
      intervalMs: 60_000,
      allowedSigners: null,
    });
    const refused = load(cwd, { file: 'etc/b.yaml', env: { FLOTILLA_MANIFESTS: 'm' } });
    expect((await problemsOf(refused)).join()).toContain('FLOTILLA_MANIFESTS: a directory was given');
  });

  it('are refused together when flags, environment and file are wrong', async () => {
    const cwd = directoryOf({ 'watch.yaml': `${HEAD}spec: { shrinkto: 0.1 }\n` });
    const env = { FLOTILLA_LOG_LEVEL: 'wran', FLOTILLA_CONCURRENCY: '0' };
    const problems = await problemsOf(load(cwd, { file: 'watch.yaml', env, flags: { listen: '7480' } }));
    expect(problems).toEqual([
      'watch.yaml:3:9: unknown field "shrinkto" in spec\nspec: { shrinkto: *** }\n        ^\n(did you mean shrinkTo?)',
      '--listen: expected ADDRESS:PORT, such as 127.0.0.1:7480 or [::1]:7480, or off, found "7480"',
      'FLOTILLA_LOG_LEVEL: expected error or warn or info or debug or trace, found "wran"\n(did you mean warn?)',
      'FLOTILLA_CONCURRENCY: expected a whole number from 1 to 256, found "0"',
    ]);
  });

  it('are refused when the file is not there', async () => {
    const cwd = directoryOf({});
    expect(await problemsOf(load(cwd, { file: 'a.yaml' }))).toEqual([`cannot read ${join(cwd, 'a.yaml')} (ENOENT)`]);
  });
});

describe('secrets', () => {
  const SPEC = `spec:
  webhooks:
    - { provider: github, secretFile: secrets/github }
    - { provider: github, secretEnv: NEXT }
  notifications:
    - { type: slack, urlFile: secrets/slack, atLeast: error, templateFile: text.mustache }
    - { type: webhook, url: 'https://a.example.org/', headers: { X-A: a }, headersFile: secrets/headers }
`;
  const FILES = {
    'watch.yaml': HEAD + SPEC,
    'secrets/github': 'first secret\n',
    'secrets/slack': 'https://hooks.example.org/T0/B0\r\n',
    'secrets/headers': '# for alerts\n\nAuthorization: Bearer abc\nX-B:b \n',
    'text.mustache': '{{message}}\n',
  };
  const env = { NEXT: 'second secret' };

  it('come from files, without the end of their line, and from the environment', async () => {
    const { webhooks, notifications } = await load(directoryOf(FILES), { file: 'watch.yaml', env });
    expect(webhooks).toEqual([
      { provider: 'github', secret: 'first secret' },
      { provider: 'github', secret: 'second secret' },
    ]);
    expect(notifications).toEqual([
      {
        type: 'slack',
        url: 'https://hooks.example.org/T0/B0',
        headers: {},
        template: '{{message}}\n',
        atLeast: 'error',
      },
      {
        type: 'webhook',
        url: 'https://a.example.org/',
        headers: { 'X-A': 'a', Authorization: 'Bearer abc', 'X-B': 'b' },
        template: null,
        atLeast: 'info',
      },
    ]);
  });

  it('are refused, all of them told, where they are missing, empty or no secrets', async () => {
    const cwd = directoryOf({
      ...FILES,
      'secrets/github': '\n',
      'secrets/slack': 'hunter2hunter2',
      'secrets/headers': 'A: b\nhunter2hunter2\n',
    });
    const problems = await problemsOf(load(cwd, { file: 'watch.yaml' }));
    expect(problems.map((problem) => problem.split('\n')[0])).toEqual([
      `watch.yaml:5:39: the file ${cwd}/secrets/github is empty: expected a secret`,
      'watch.yaml:6:38: the environment variable NEXT is not set',
      'watch.yaml:8:31: expected an http or https URL',
      `watch.yaml:9:89: line 2 of ${cwd}/secrets/headers: expected a header as "Name: value"`,
    ]);
    expect(problems.join()).not.toContain('hunter2');
  });

  it('are refused where everybody may read them, with what to do', async () => {
    const cwd = directoryOf(FILES);
    chmodSync(join(cwd, 'secrets/github'), 0o644);
    const problems = await problemsOf(load(cwd, { file: 'watch.yaml', env }));
    expect(problems).toEqual([
      `watch.yaml:5:39: everybody on this machine may read ${cwd}/secrets/github\n    - { provider: github, secretFile: secrets/github }\n                                      ^\n(chmod 600 ${cwd}/secrets/github)`,
    ]);
  });

  it('are not waited for in what is no file', async () => {
    const cwd = directoryOf({ ...FILES, 'secrets/github': '' });
    execFileSync('rm', [join(cwd, 'secrets/github')]);
    execFileSync('mkfifo', [join(cwd, 'secrets/github')]);
    expect((await problemsOf(load(cwd, { file: 'watch.yaml', env })))[0]).toContain('is no regular file');
  });

  it('are no part of a URL', async () => {
    const spec = 'spec: { notifications: [{ type: webhook, urlEnv: URL }] }\n';
    const loading = load(directoryOf({ 'a.yaml': HEAD + spec }), {
      file: 'a.yaml',
      env: { URL: 'https://a:hunter2@b.example.org' },
    });
    expect((await problemsOf(loading)).join()).toContain('expected a URL without a name or a password');
  });
});

describe('a template of a notification', () => {
  it('is refused with what its check says, at its place', async () => {
    const spec =
      'spec:\n  notifications:\n    - { type: slack, urlEnv: URL, template: "{{slug" }\n    - { type: webhook, urlEnv: URL, templateFile: none }\n';
    const cwd = directoryOf({ 'a.yaml': HEAD + spec });
    const checkNoticeTemplate = (template: string, type: string) => `${type}: ${template} is not closed`;
    const problems = await problemsOf(
      load(cwd, { file: 'a.yaml', env: { URL: 'https://a.example.org' }, checkNoticeTemplate }),
    );
    expect(problems.map((problem) => problem.split('\n')[0])).toEqual([
      'a.yaml:5:45: slack: {{slug is not closed',
      `a.yaml:6:51: cannot read ${cwd}/none (ENOENT)`,
    ]);
  });
});
