import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makePki } from '../support/pki.js';
import { installGitTools } from './git-tools.js';
import { createGitBackend, type GitBackend, type HttpsRemote, serveHttps } from './https-remote.js';
import { instance } from './manifests.js';
import { createRepository, type Repository, read } from './repository.js';
import { expectFollowed, failureOf, setForGit, slugs, writeProgram } from './transports.js';

const USER = 'lovelace';
const PASSWORD = 'correct-horse-battery';

let repository: Repository;
const ending: (() => unknown)[] = [];
beforeAll(installGitTools, 600_000);
beforeEach(() => {
  repository = createRepository();
  ending.push(repository.remove);
});
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

describe('a repository behind https', () => {
  let backend: GitBackend;
  let remote: HttpsRemote;
  let identity: string;
  let url: string;
  let credentials: string;
  beforeEach(async () => {
    const pki = join(repository.base, 'pki');
    identity = (await makePki(pki, { agents: [{ name: 'forge', sans: ['IP:127.0.0.1'] }] })).agents.forge!;
    backend = createGitBackend(repository.base, `${USER}:${PASSWORD}`);
    ending.push(() => backend.close());
    await serve(backend.onRequest);
    setForGit(repository, 'http.sslCAInfo', join(pki, 'ca.crt'));
    credentials = join(repository.base, 'credentials');
    setForGit(repository, 'credential.helper', `store --file=${credentials}`);
  });

  async function serve(onRequest: RequestListener): Promise<void> {
    remote = await serveHttps(identity, onRequest);
    ending.push(remote.close);
    url = `${remote.origin}/origin`;
  }

  const storeCredential = (password = PASSWORD) =>
    writeFileSync(credentials, `${remote.origin.replace('//', `//${USER}:${password}@`)}\n`, { mode: 0o600 });

  const bytesOfClone = () => {
    const packs = join(repository.state, 'repo.git/objects/pack');
    return Math.max(...readdirSync(packs).map((name) => statSync(join(packs, name)).size));
  };

  it('is followed with a credential that git has stored', async () => {
    storeCredential();
    await expectFollowed(repository, url);
    expect(backend.asked).toContain(undefined);
    expect(new Set(backend.asked).size).toBe(2);
  });

  it('is followed with a credential that a program of the operator gives', async () => {
    setForGit(
      repository,
      'credential.helper',
      writeProgram(repository, 'helper', `echo username=${USER}\necho password=${PASSWORD}`),
    );
    await expectFollowed(repository, url);
  });

  it('is followed with a credential that a program in the environment of the daemon gives', async () => {
    repository.env.GIT_ASKPASS = writeProgram(
      repository,
      'askpass',
      `case $1 in Username*) echo ${USER} ;; *) echo ${PASSWORD} ;; esac`,
    );
    await expectFollowed(repository, url);
  });

  it('is followed when its authority is named in the environment of the daemon', async () => {
    repository.env.GIT_SSL_CAINFO = join(repository.base, 'pki/ca.crt');
    execFileSync('git', ['config', '--global', '--unset', 'http.sslCAInfo'], { env: repository.env });
    storeCredential();
    await expectFollowed(repository, url);
  });

  it.each([['leaves out'], ['sends']])('is followed when its server %s files that are too large', async (does) => {
    repository.git('config', 'uploadpack.allowFilter', String(does === 'leaves out'));
    repository.commit({ 'manifests/large.yaml': Buffer.alloc(17 * 1024 * 1024, 'a') });
    storeCredential();
    const source = repository.source({ url });
    const { desired } = await read(source);
    expect(desired.problems).toMatchObject([
      { file: 'manifests/large.yaml', message: 'the file is larger than 16 MiB' },
    ]);
    expect(bytesOfClone() > 10_000).toBe(does === 'sends');
    const commit = repository.commit({ 'manifests/large.yaml': null, 'manifests/gamma.yaml': instance('gamma') });
    const second = await read(source);
    expect([second.revision, slugs(second), second.desired.problems]).toEqual([commit, ['acme', 'beta', 'gamma'], []]);
  });

  it('denies access to whoever has no credential, and nobody is asked for one', async () => {
    expect(await failureOf(repository.source({ url }))).toMatchObject({
      code: 'SourceUnreadable',
      message: `${url} denies access`,
    });
    expect(new Set(backend.asked)).toEqual(new Set([undefined]));
  });

  it('denies access to a wrong credential, which is not said again, and is read once there is the right one', async () => {
    const source = repository.source({ url });
    storeCredential('hunter2');
    const { code, message, shown } = await failureOf(source);
    expect([code, message]).toEqual(['SourceUnreadable', `${url} denies access`]);
    expect(backend.asked).toContain(`Basic ${Buffer.from(`${USER}:hunter2`).toString('base64')}`);
    expect(shown).not.toMatch(/hunter2|lovelace/);
    storeCredential();
    expect(slugs(await read(source))).toEqual(['acme', 'beta']);
  });

  it('is not believed, and told nothing, when another authority has signed its certificate', async () => {
    const stranger = join(repository.base, 'stranger');
    await makePki(stranger, { agents: [] });
    setForGit(repository, 'http.sslCAInfo', join(stranger, 'ca.crt'));
    storeCredential();
    expect(await failureOf(repository.source({ url }))).toMatchObject({
      code: 'SourceUnreadable',
      message: `the certificate of ${url} is not trusted`,
      shown: expect.stringContaining('http.sslCAInfo'),
    });
    expect(backend.asked).toEqual([]);
  });

  it('is not believed when its certificate is that of another host', async () => {
    identity = (
      await makePki(join(repository.base, 'other'), { agents: [{ name: 'forge', sans: ['DNS:example.org'] }] })
    ).agents.forge!;
    setForGit(repository, 'http.sslCAInfo', join(repository.base, 'other/ca.crt'));
    await serve(backend.onRequest);
    storeCredential();
    expect(await failureOf(repository.source({ url }))).toMatchObject({
      message: `the certificate of ${url} is not trusted`,
    });
    expect(backend.asked).toEqual([]);
  });

  it('is told apart from one that is not there, and from a server that is away', async () => {
    storeCredential();
    const nowhere = `${remote.origin}/nowhere`;
    expect((await failureOf(repository.source({ url: nowhere }))).message).toBe(`there is no repository at ${nowhere}`);
    await remote.close();
    expect((await failureOf(repository.source({ url }))).message).toBe(`${url} cannot be reached`);
  });

  it('does not lead to a place that is not encrypted, whatever git is allowed elsewhere', async () => {
    const plain = createServer(backend.onRequest).listen(0, '127.0.0.1');
    await once(plain, 'listening');
    ending.push(() => plain.close());
    const { port } = plain.address() as AddressInfo;
    await serve(({ url: path }, response) => {
      response.writeHead(302, { location: `http://127.0.0.1:${port}${path}` }).end();
    });
    setForGit(repository, 'protocol.http.allow', 'always');
    storeCredential();
    expect(await failureOf(repository.source({ url }))).toMatchObject({ code: 'SourceUnreadable' });
    expect(backend.asked).toEqual([]);
  });
});
