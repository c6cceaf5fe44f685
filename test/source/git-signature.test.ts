import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Source } from '../../src/source/source.js';
import { installGitTools } from './git-tools.js';
import { instance } from './manifests.js';
import { createRepository, type Repository, read } from './repository.js';

let repository: Repository;
let allowedSigners: string;
let source: Source;
beforeAll(installGitTools, 600_000);
beforeEach(() => {
  repository = createRepository();
  for (const name of ['ada', 'eve']) {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', join(repository.base, name)]);
  }
  allowedSigners = join(repository.base, 'allowed_signers');
  writeFileSync(allowedSigners, `ada@example.org ${readFileSync(join(repository.base, 'ada.pub'), 'utf8')}`);
  source = repository.source({ allowedSigners });
});
afterEach(() => repository.remove());

const signedBy = (name: string) => {
  repository.git('config', 'gpg.format', 'ssh');
  repository.git('config', 'user.signingKey', join(repository.base, name));
};
const refused = { code: 'SourceRefused', message: expect.stringContaining('is not signed by an allowed signer') };

it('accepts a commit that an allowed signer has signed', async () => {
  signedBy('ada');
  const commit = repository.commit({ 'manifests/acme.yaml': instance('acme', 'v2') }, ['--gpg-sign']);
  expect(await read(source)).toMatchObject({ revision: commit });
});

it('refuses one that nobody has signed, and goes on once it is signed', async () => {
  await expect(read(source)).rejects.toMatchObject(refused);
  signedBy('ada');
  const commit = repository.commit({}, ['--gpg-sign', '--amend']);
  expect(await read(source)).toMatchObject({ revision: commit });
});

it('refuses the signature of somebody else', async () => {
  signedBy('eve');
  repository.commit({}, ['--gpg-sign']);
  await expect(read(source)).rejects.toMatchObject(refused);
});

it('refuses a signature that was made for another commit', async () => {
  signedBy('ada');
  repository.commit({}, ['--gpg-sign']);
  const forged = repository.git('cat-file', 'commit', 'HEAD').replace(/\n\nchange$/, '\n\nanother change\n');
  const commit = execFileSync('git', ['hash-object', '-t', 'commit', '-w', '--stdin'], {
    cwd: repository.origin,
    env: repository.env,
    input: forged,
    encoding: 'utf8',
  }).trim();
  repository.git('update-ref', 'refs/heads/main', commit);
  await expect(read(source)).rejects.toMatchObject(refused);
});

it('does not ask another program, whatever kind of signature the commit bears', async () => {
  const gpg = join(repository.base, 'gpg');
  writeFileSync(
    gpg,
    '#!/bin/sh\ncat >/dev/null\nprintf "[GNUPG:] SIG_CREATED \\n" >&2\nprintf "[GNUPG:] GOODSIG 1 a\\n[GNUPG:] TRUST_ULTIMATE\\n"\necho "-----BEGIN PGP SIGNATURE-----"\necho "-----END PGP SIGNATURE-----"\n',
    {
      mode: 0o755,
    },
  );
  execFileSync('git', ['config', '--global', 'gpg.program', gpg], { env: repository.env });
  repository.commit({}, ['--gpg-sign=anybody']);
  expect(repository.git('cat-file', 'commit', 'HEAD')).toContain('BEGIN PGP SIGNATURE');
  await expect(read(source)).rejects.toMatchObject(refused);
});

it('accepts a signed tag of a commit that is not signed, and refuses a plain one', async () => {
  signedBy('ada');
  repository.git('tag', '--sign', '--message', 'one', 'v1');
  repository.git('tag', 'plain');
  expect(await read(repository.source({ allowedSigners, ref: { tag: 'v1' } }))).toMatchObject({
    revision: repository.git('rev-parse', 'HEAD'),
  });
  await expect(read(repository.source({ allowedSigners, ref: { tag: 'plain' } }))).rejects.toMatchObject(refused);
});

it('accepts nothing when it is not known who may sign', async () => {
  signedBy('ada');
  repository.commit({}, ['--gpg-sign']);
  await expect(read(repository.source({ allowedSigners: `${allowedSigners}.gone` }))).rejects.toMatchObject({
    code: 'SourceRefused',
  });
});

it('gives an earlier revision only where an allowed signer has signed that one', async () => {
  const unsigned = repository.git('rev-parse', 'HEAD');
  signedBy('ada');
  const signed = repository.commit({}, ['--gpg-sign']);
  const newest = repository.commit({ 'manifests/acme.yaml': instance('acme', 'v2') }, ['--gpg-sign']);
  expect(await read(source)).toMatchObject({ revision: newest });
  const { signal } = new AbortController();
  expect(await source.readAt(signed, { signal })).toMatchObject({ revision: signed });
  expect(await source.readAt(unsigned, { signal })).toBeNull();
});
