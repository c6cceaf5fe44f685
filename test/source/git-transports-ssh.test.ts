import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from './eventually.js';
import { installSshServer } from './git-tools.js';
import { createRepository, type Repository, read } from './repository.js';
import { endProcess, makeKey, type SshRemote, serveSsh } from './ssh-remote.js';
import { expectFollowed, failureOf, setForGit, slugs, writeProgram } from './transports.js';

let repository: Repository;
const ending: (() => unknown)[] = [];
beforeAll(installSshServer, 600_000);
beforeEach(() => {
  repository = createRepository();
  ending.push(repository.remove);
});
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

describe('a repository behind ssh', () => {
  let key: string;
  let remote: SshRemote;
  let url: string;
  beforeEach(async () => {
    key = makeKey(join(repository.base, 'key'));
    remote = await serveSsh(join(repository.base, 'sshd'), key);
    ending.push(remote.close);
    url = remote.url(repository.origin);
    repository.env.GIT_SSH_COMMAND = ssh();
  });

  /** As it stands in a unit's `watch.env`, without what whoever runs the test has set up. */
  const ssh = (options: { key?: string; knownHosts?: string } = {}) =>
    `ssh -F /dev/null -o IdentitiesOnly=yes -o GlobalKnownHostsFile=/dev/null -i ${options.key ?? key} -o UserKnownHostsFile=${options.knownHosts ?? remote.knownHosts}`;

  it('is followed with a key that the server knows', () => expectFollowed(repository, url));

  it('is followed by the short form of its address', async () => {
    repository.env.GIT_SSH_COMMAND = `${ssh()} -p ${remote.port}`;
    await expectFollowed(repository, `${remote.user}@127.0.0.1:${repository.origin}`);
  });

  it('is followed when its server sends files that are too large', async () => {
    repository.git('config', 'uploadpack.allowFilter', 'false');
    repository.commit({ 'large.bin': Buffer.alloc(17 * 1024 * 1024, 'a') });
    await expectFollowed(repository, url);
  });

  it('is followed with a key that an agent of ssh holds', async () => {
    const socket = join(repository.base, 'agent');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
    ending.push(() => endProcess(agent));
    await eventually(() => existsSync(socket), 'the agent is there');
    repository.env.SSH_AUTH_SOCK = socket;
    execFileSync('ssh-add', ['-q', key], { env: repository.env });
    rmSync(key);
    repository.env.GIT_SSH_COMMAND = ssh({ key: `${key}.pub` });
    await expectFollowed(repository, url);
  });

  it.each([
    ['a key that the server does not know', ''],
    ['a key that nobody can unlock', 'a passphrase'],
  ])('denies access to %s', async (_, passphrase) => {
    repository.env.GIT_SSH_COMMAND = ssh({ key: makeKey(join(repository.base, 'other'), passphrase) });
    expect(await failureOf(repository.source({ url }))).toMatchObject({
      code: 'SourceUnreadable',
      message: `ssh://127.0.0.1:${remote.port}${repository.origin} denies access`,
    });
  });

  it('is not believed when its host key is not known', async () => {
    repository.env.GIT_SSH_COMMAND = ssh({ knownHosts: join(repository.base, 'nothing') });
    expect(await failureOf(repository.source({ url }))).toMatchObject({
      code: 'SourceUnreadable',
      message: `the host key of ssh://127.0.0.1:${remote.port}${repository.origin} is not known`,
    });
    expect(existsSync(join(repository.base, 'nothing'))).toBe(false);
  });

  it('is not believed when its host key is another than before', async () => {
    const other = readFileSync(`${makeKey(join(repository.base, 'other'))}.pub`, 'utf8');
    writeFileSync(remote.knownHosts, `[127.0.0.1]:${remote.port} ${other}`);
    expect((await failureOf(repository.source({ url }))).message).toMatch(/^the host key of .* is not known$/);
  });

  describe('when nothing is set for ssh but what is in its own folder', () => {
    let asked: string;
    /** That folder is of the user, wherever HOME is: so `ssh` itself is given what would be in there. */
    const setUp = (...options: Parameters<typeof ssh>) => {
      const real = execFileSync('sh', ['-c', 'command -v ssh'], { encoding: 'utf8' }).trim();
      writeProgram(repository, 'ssh', `exec ${real} ${ssh(...options).slice('ssh '.length)} "$@"`);
    };
    beforeEach(() => {
      delete repository.env.GIT_SSH_COMMAND;
      repository.env.PATH = `${repository.base}:${repository.env.PATH}`;
      asked = join(repository.base, 'asked');
      repository.env.SSH_ASKPASS = writeProgram(repository, 'askpass', `touch ${asked}\necho yes`);
      repository.env.SSH_ASKPASS_REQUIRE = 'force';
    });

    it('is followed', async () => {
      setUp();
      await expectFollowed(repository, url);
    });

    it('nobody is asked whether a host key is right', async () => {
      setUp({ knownHosts: join(repository.base, 'nothing') });
      expect((await failureOf(repository.source({ url }))).message).toMatch(/^the host key of .* is not known$/);
      expect(existsSync(asked)).toBe(false);
    });

    it('is read as soon as a key is named in the settings of git', async () => {
      setUp({ key: makeKey(join(repository.base, 'other')) });
      const source = repository.source({ url });
      expect((await failureOf(source)).message).toMatch(/ denies access$/);
      setForGit(repository, 'core.sshCommand', ssh());
      expect(slugs(await read(source))).toEqual(['acme', 'beta']);
    });
  });

  it('is told apart from one that is not there, whatever it is called, and from a server that is away', async () => {
    const nowhere = remote.url('/srv/corrupt.git');
    expect((await failureOf(repository.source({ url: nowhere }))).message).toMatch(
      /^there is no repository at ssh:\/\/127\.0\.0\.1:\d+\/srv\/corrupt\.git$/,
    );
    await remote.close();
    expect((await failureOf(repository.source({ url }))).message).toMatch(/ cannot be reached$/);
  });

  it.each([
    ['ssh', () => (repository.env.GIT_SSH_COMMAND = `${ssh()} -o NoSuchThing=yes`)],
    ['git', () => writeFileSync(repository.env.GIT_CONFIG_GLOBAL!, '[credential\n')],
  ])('keeps its clone over a mistake in the settings of %s', async (_, mistake) => {
    await read(repository.source({ url }));
    const mark = join(repository.state, 'repo.git/mark');
    writeFileSync(mark, '');
    const settings = readFileSync(repository.env.GIT_CONFIG_GLOBAL!);
    mistake();
    expect((await failureOf(repository.source({ url }))).message).toMatch(/: the settings of git or ssh are wrong$/);
    writeFileSync(repository.env.GIT_CONFIG_GLOBAL!, settings);
    repository.env.GIT_SSH_COMMAND = ssh();
    await expectFollowed(repository, url);
    expect(existsSync(mark)).toBe(true);
  });
});
