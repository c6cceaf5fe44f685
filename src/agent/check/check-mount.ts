import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { runDocker } from '../compose/compose-process.js';
import type { HostConfig } from '../host.js';
import { type Finding, fail, ok } from './finding.js';

interface Mount {
  Source: string;
  Destination: string;
}

const TIMEOUT_MS = 20_000;

/**
 * In a container: whether the root is at the same path inside as outside. Compose hands the engine paths as the agent sees
 * them, and the engine would mount what is at that path on the host: as a rule, an empty directory that it makes.
 *
 * @returns null outside of a container of this engine
 */
export async function checkMount(config: HostConfig, mountinfo = readMountinfo()): Promise<Finding | null> {
  const container = containerIn(mountinfo);
  const mounts = container === null ? null : await mountsOf(config, container);
  if (mounts === null) return null;
  const { root } = config;
  const sameRoot = `mount it at the same path inside as outside: -v ${root}:${root}`;
  const mount = mounts.filter((each) => isWithin(root, each.Destination)).sort(longestFirst)[0];
  if (!mount) return fail('root', `${root} is in this container only: no tenant of the host is in it`, sameRoot);
  const outside = `${mount.Source}${root.slice(mount.Destination.length)}`;
  if (outside === root) return ok('root', `${root} has the same path inside and outside of this container`);
  return fail('root', `${root} is ${outside} outside of this container, where the engine looks for files`, sameRoot);
}

function longestFirst(a: Mount, b: Mount): number {
  return b.Destination.length - a.Destination.length;
}

function isWithin(path: string, directory: string): boolean {
  return !relative(directory, path).startsWith('..');
}

/** The engine mounts a container's own name from a directory that is named for its id. */
function containerIn(mountinfo: string): string | null {
  return /\/containers\/([0-9a-f]{64})\/hostname \/etc\/hostname /.exec(mountinfo)?.[1] ?? null;
}

function readMountinfo(): string {
  try {
    return readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return '';
  }
}

/** null when this engine knows no such container, or does not answer, which is another finding. */
async function mountsOf(config: HostConfig, container: string): Promise<Mount[] | null> {
  const argv = ['inspect', '--type', 'container', '--format', '{{json .Mounts}}', container];
  const result = await runDocker(config, argv, { timeoutMs: TIMEOUT_MS }).catch(() => null);
  return result?.exitCode === 0 ? (JSON.parse(result.stdout) as Mount[]) : null;
}
