import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from './eventually.js';
import { installGitTools } from './git-tools.js';
import { instance, TEMPLATE } from './manifests.js';
import { createRepository, type Repository, read } from './repository.js';

let repository: Repository;
beforeAll(installGitTools, 600_000);
beforeEach(() => {
  repository = createRepository();
});
afterEach(() => repository.remove());

const stateOf = async (source = repository.source()) => {
  const { desired, templates } = await read(source);
  return { desired, templates, slugs: desired.instances.map(({ slug }) => slug) };
};

/** Commits a tree that git itself would not write into a work tree: each entry as `MODE TYPE OID<TAB>NAME`. */
function commitTree(entries: readonly string[]): string {
  const mktree = (lines: readonly string[]) =>
    execFileSync('git', ['mktree', '-z', '--missing'], {
      cwd: repository.origin,
      env: repository.env,
      input: lines.map((line) => `${line}\0`).join(''),
      encoding: 'utf8',
    }).trim();
  const manifests = mktree(entries);
  const templates = repository.git('rev-parse', 'HEAD:templates');
  const root = mktree([`040000 tree ${manifests}\tmanifests`, `040000 tree ${templates}\ttemplates`]);
  const commit = repository.git('commit-tree', root, '-p', 'HEAD', '-m', 'by hand');
  repository.git('update-ref', 'refs/heads/main', commit);
  return commit;
}

describe('what a commit holds that cannot be used', () => {
  it.each([['true'], ['false']])(
    'is told when it is too large, whether the server leaves it out: %s',
    async (filter) => {
      repository.git('config', 'uploadpack.allowFilter', filter);
      const large = Buffer.alloc(17 * 1024 * 1024, 'a');
      repository.commit({ 'manifests/large.yaml': large });
      const source = repository.source();
      const { desired, slugs } = await stateOf(source);
      expect(slugs).toEqual(['acme', 'beta']);
      expect(desired.problems).toMatchObject([
        { code: 'ManifestInvalid', file: 'manifests/large.yaml', message: 'the file is larger than 16 MiB' },
      ]);
      expect(desired.unreadable).toEqual(['manifests/large.yaml']);

      repository.commit({ 'manifests/large.yaml': null, 'manifests/gamma.yaml': instance('gamma') });
      const mended = await stateOf(source);
      expect([mended.slugs, mended.desired.problems, mended.desired.unreadable]).toEqual([
        ['acme', 'beta', 'gamma'],
        [],
        [],
      ]);
    },
  );

  it('does not matter where nothing is read from it', async () => {
    repository.commit({ 'manifests/large.bin': Buffer.alloc(17 * 1024 * 1024), 'elsewhere.yaml': 'x: [' });
    expect((await stateOf()).desired.problems).toEqual([]);
  });

  it('is never followed out of the tree: links of manifests are told, and their instances are not taken for removed', async () => {
    symlinkSync('/etc/passwd', join(repository.origin, 'manifests/passwd.yaml'));
    symlinkSync('..', join(repository.origin, 'manifests/up'));
    repository.commit({});
    const { desired, slugs } = await stateOf();
    expect(slugs).toEqual(['acme', 'beta']);
    expect(desired.problems.map(({ file }) => file)).toEqual(['manifests/passwd.yaml', 'manifests/up']);
    expect(desired.problems[0]?.message).toBe('the file is a symbolic link, and links are not read from git');
    expect(desired.unreadable).toEqual(['manifests/passwd.yaml', 'manifests/up']);
  });

  it('breaks the template that it belongs to, and no other', async () => {
    symlinkSync('/etc/passwd', join(repository.origin, 'templates/site/files/passwd'));
    repository.commit({
      'templates/other/template.yaml': TEMPLATE.replace('site', 'other'),
      'templates/other/files/docker-compose.yml': 'services: { web: { image: a } }\n',
    });
    const { desired, templates } = await stateOf();
    expect([templates.names, templates.get('site'), templates.get('other')?.name]).toEqual([
      ['other', 'site'],
      undefined,
      'other',
    ]);
    expect(() => templates.use('site')).toThrow('template site has files that cannot be used');
    expect(templates.problems).toMatchObject([{ code: 'TemplateInvalid', file: 'templates/site/files/passwd' }]);
    expect(desired.problems).toEqual(templates.problems);
    expect(desired.unreadable).toEqual([]);
  });

  it('is told when it is a submodule', async () => {
    const head = repository.git('rev-parse', 'HEAD');
    repository.git('update-index', '--add', '--cacheinfo', `160000,${head},manifests/team`);
    repository.git('commit', '--quiet', '--message', 'a submodule');
    const { desired, slugs } = await stateOf();
    expect(slugs).toEqual(['acme', 'beta']);
    expect(desired.problems).toMatchObject([
      { file: 'manifests/team', message: 'the file is a submodule, and submodules are not read' },
    ]);
    expect(desired.unreadable).toEqual(['manifests/team']);
  });

  it('is never written outside of the tree, whatever it is called', async () => {
    const acme = repository.git('rev-parse', 'HEAD:manifests/acme.yaml');
    const host = repository.git('rev-parse', 'HEAD:manifests/host.yaml');
    const tree = repository.git('rev-parse', 'HEAD:manifests');
    commitTree([
      `040000 tree ${tree}\t..`,
      `040000 tree ${tree}\t.git`,
      `100644 blob ${acme}\ta\nb.yaml`,
      `100644 blob ${acme}\tacme.yaml`,
      `100644 blob ${acme}\tb\\c.yaml`,
      `100644 blob ${host}\thost.yaml`,
      `100644 blob ${acme}\t${'n'.repeat(300)}.yaml`,
      `040000 tree ${tree}\ttwice.yaml`,
      `100644 blob ${acme}\ttwice.yaml`,
    ]);
    const { desired, slugs } = await stateOf();
    const told = desired.problems.filter(({ message }) => message.startsWith('the file '));
    expect(new Set(told.map(({ message }) => message))).toEqual(
      new Set([
        'the file has a name that no file can have',
        'the file has a control character in its name',
        'the file has a backslash in its name',
        'the file has a name that is too long',
        'the file is in the commit twice',
      ]),
    );
    expect(existsSync(join(repository.state, 'tree/acme.yaml'))).toBe(false);
    // The tree that is there twice declares them all once more.
    expect(slugs).toEqual([]);
    expect(desired.brokenSlugs).toEqual(['acme', 'beta']);
  });
});

describe('what a git source does not do', () => {
  it('runs no hook that somebody has put into the clone', async () => {
    const source = repository.source();
    await read(source);
    const hooks = join(repository.state, 'repo.git/hooks');
    const proof = join(repository.base, 'ran');
    mkdirSync(hooks, { recursive: true });
    for (const hook of ['reference-transaction', 'post-checkout', 'pre-auto-gc', 'post-rewrite']) {
      writeFileSync(join(hooks, hook), `#!/bin/sh\ntouch ${proof}\n`);
      chmodSync(join(hooks, hook), 0o755);
    }
    const commit = repository.commit({ 'manifests/gamma.yaml': instance('gamma') });
    expect(await read(source)).toMatchObject({ revision: commit });
    expect(existsSync(proof)).toBe(false);
  });

  it('is not led to a transport that runs commands by the configuration of git', async () => {
    const proof = join(repository.base, 'ran');
    execFileSync('git', ['config', '--global', `url.ext::touch ${proof}.insteadOf`, 'https://example.org/'], {
      env: repository.env,
    });
    execFileSync('git', ['config', '--global', 'protocol.ext.allow', 'always'], { env: repository.env });
    await expect(read(repository.source({ url: 'https://example.org/fleet.git' }))).rejects.toMatchObject({
      code: 'SourceUnreadable',
      message: 'https://example.org/fleet.git leads to a transport that is not safe',
    });
    expect(existsSync(proof)).toBe(false);
  });

  it('passes nothing of its own environment on to git, and nothing that git says on to anybody', async () => {
    const ssh = join(repository.base, 'ssh');
    writeFileSync(ssh, '#!/bin/sh\nenv >"$0.env"\necho "Permission denied: hunter2" >&2\nexit 255\n');
    chmodSync(ssh, 0o755);
    Object.assign(repository.env, { GIT_SSH_COMMAND: ssh, FLOTILLA_SECRET: 'hunter2', GIT_DIR: '/nowhere' });
    const error = await read(repository.source({ url: 'git@example.org:fleet.git' })).catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ code: 'SourceUnreadable', message: 'example.org:fleet.git denies access' });
    expect(JSON.stringify(error)).not.toContain('hunter2');
    expect(execFileSync('cat', [`${ssh}.env`], { encoding: 'utf8' })).not.toMatch(/hunter2|nowhere/);
  });

  it('leaves the way to a server as the operator has set it for git', async () => {
    const ssh = join(repository.base, 'ssh');
    writeFileSync(ssh, '#!/bin/sh\ntouch "$0.ran"\nexit 255\n', { mode: 0o755 });
    execFileSync('git', ['config', '--global', 'core.sshCommand', ssh], { env: repository.env });
    await expect(read(repository.source({ url: 'git@example.org:fleet.git' }))).rejects.toMatchObject({
      code: 'SourceUnreadable',
    });
    expect(existsSync(`${ssh}.ran`)).toBe(true);
  });

  it('leaves no process behind when it is cancelled in the midst of a fetch', async () => {
    const ssh = join(repository.base, 'ssh');
    writeFileSync(ssh, '#!/bin/sh\necho $$ >"$0.tmp"\nmv "$0.tmp" "$0.pid"\nexec sleep 600\n');
    chmodSync(ssh, 0o755);
    repository.env.GIT_SSH_COMMAND = ssh;
    const ending = new AbortController();
    const reading = read(repository.source({ url: 'git@example.org:fleet.git' }), ending.signal);
    const outcome = expect(reading).rejects.toMatchObject({ code: 'Cancelled' });
    await eventually(() => existsSync(`${ssh}.pid`), 'the fetch is under way');
    ending.abort();
    await outcome;
    const pid = Number(execFileSync('cat', [`${ssh}.pid`], { encoding: 'utf8' }));
    await eventually(() => !isAlive(pid), 'ssh has ended');
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(execFileSync('cat', [`/proc/${pid}/status`], { encoding: 'utf8' }));
  } catch {
    return false;
  }
}
