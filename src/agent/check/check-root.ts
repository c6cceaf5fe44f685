import { statSync } from 'node:fs';
import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FlotillaError } from '../../errors.js';
import { writeFileAtomic } from '../files/fs-atomic.js';
import { errnoOf, toHostError } from '../files/host-error.js';
import { acquireLock } from '../lock/lock.js';
import { type Finding, failedWith, ok, warn } from './finding.js';

/** Starts with a dot, so that nobody takes it for an instance. */
const PROBE = '.flotilla-check-';

/** statfs(2): file systems of another machine, on which a lock or an fsync here may mean nothing there. */
const REMOTE_FILE_SYSTEMS: Readonly<Record<number, string>> = {
  26985: 'NFS',
  20859: 'SMB',
  4283649346: 'CIFS',
  4266872130: 'SMB',
  1702057286: 'FUSE',
  16914839: '9p',
  12805120: 'Ceph',
};

/** @throws FlotillaError HostRootMissing unless it is a directory */
export function requireRoot(root: string): void {
  const stat = statRoot(root);
  if (stat?.isDirectory()) return;
  throw new FlotillaError('HostRootMissing', stat ? `${root} is not a directory` : `there is no directory ${root}`, {
    hint: stat ? 'name the directory that holds the instances with --root' : `mkdir -p ${root}`,
  });
}

function statRoot(root: string) {
  try {
    return statSync(root, { throwIfNoEntry: false });
  } catch (error) {
    // A file stands where one of its parents should be.
    if (errnoOf(error) === 'ENOTDIR') return undefined;
    throw toHostError(error, `look at ${root}`);
  }
}

/** Does in a directory of its own what an apply does (write, fsync, rename, lock), and removes it. */
export async function checkRoot(root: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  try {
    requireRoot(root);
    const lock = await probe(root);
    findings.push(checkFileSystem(root, (await statfs(root)).type), lock);
  } catch (error) {
    findings.push(failedWith('root', error, 'look at the directory and its file system'));
    findings.push(
      await probe(tmpdir()).catch((other) => failedWith('flock', other, 'look at the temporary directory')),
    );
  }
  return findings;
}

/** @throws FlotillaError when files cannot be put in place here; what is said of the lock is another finding */
async function probe(base: string): Promise<Finding> {
  let directory: string | undefined;
  try {
    directory = await mkdtemp(join(base, PROBE));
    await writeFileAtomic(join(directory, 'file'), 'probe\n', 0o600);
    return await checkLock(directory);
  } catch (error) {
    throw toHostError(error, `write in ${base}`);
  } finally {
    if (directory !== undefined) await rm(directory, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function checkLock(directory: string): Promise<Finding> {
  try {
    await (await acquireLock(directory, { command: 'flotilla agent --check' })).release();
    return ok('flock', 'instances can be locked');
  } catch (error) {
    return failedWith('flock', error, 'install util-linux');
  }
}

/** @param type as statfs(2) gives it */
export function checkFileSystem(root: string, type: number): Finding {
  const remote = REMOTE_FILE_SYSTEMS[type];
  if (remote === undefined) return ok('root', `${root} is writable`);
  return warn(
    'root',
    `${root} is on ${remote}: a lock or a write may not hold there what it holds on a local file system`,
    'keep the instances on a file system of this machine',
  );
}
