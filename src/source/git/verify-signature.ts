import { access, constants } from 'node:fs/promises';
import { FlotillaError } from '../../errors.js';
import { HEAD_REF } from './clone.js';
import type { GitNames } from './git-failure.js';
import type { Git } from './run-git.js';

const TIMEOUT_MS = 60_000;

export interface SignatureOptions {
  git: Git;
  commit: string;
  /** As `ssh-keygen -Y verify` reads it. */
  allowedSigners: string;
  /** A tag may be signed itself, instead of the commit that it leads to. */
  isTag: boolean;
  names: GitNames;
  signal: AbortSignal;
}

/** Only signatures of ssh keys count: for the others git would ask the keyring of whoever runs the daemon. */
const SSH_ONLY = [
  'gpg.format=ssh',
  'gpg.program=/bin/false',
  'gpg.openpgp.program=/bin/false',
  'gpg.x509.program=/bin/false',
  'gpg.minTrustLevel=fully',
].flatMap((setting) => ['-c', setting]);

/** @throws FlotillaError SourceRefused unless one of the allowed signers has signed it; SourceUnreadable, TimedOut, Cancelled */
export async function verifySignature(options: SignatureOptions): Promise<void> {
  const { git, commit, allowedSigners, isTag, names, signal } = options;
  await access(allowedSigners, constants.R_OK).catch((cause: unknown) => {
    throw new FlotillaError('SourceRefused', 'the file of allowed signers cannot be read: no commit is accepted', {
      cause,
      hint: 'put it where the configuration of the daemon says',
    });
  });
  const settings = [...SSH_ONLY, '-c', `gpg.ssh.allowedSignersFile=${allowedSigners}`];
  const attempts = [['verify-commit', commit], ...(isTag ? [['verify-tag', HEAD_REF]] : [])];
  for (const attempt of attempts) {
    const { exitCode, stderr } = await git({ args: [...settings, ...attempt], timeoutMs: TIMEOUT_MS, signal });
    if (exitCode === 0) return;
    if (/cannot run|ssh-keygen -Y .* is needed/.test(stderr)) {
      throw new FlotillaError('SourceUnreadable', 'ssh-keygen cannot be run: signatures cannot be checked', {
        hint: 'install OpenSSH (8.2 or later) where the daemon runs',
      });
    }
  }
  throw new FlotillaError('SourceRefused', `commit ${commit} of ${names.url} is not signed by an allowed signer`, {
    hint: 'sign it (git commit -S), or add the key to the file of allowed signers',
  });
}
