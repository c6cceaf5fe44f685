import { createHash, hash } from 'node:crypto';
import { type BigIntStats, closeSync, createReadStream, fstatSync, lstatSync, readSync, realpathSync } from 'node:fs';
import type { ObservedFile } from '../../plan/observed.js';
import { confineParents, endsInLink } from './confine.js';
import { openConfined, requireRegular } from './confined-file.js';
import { toHostError } from './host-error.js';

/** Up to this many bytes a file is read at once, which is fastest; larger ones are streamed in bounded memory. */
const AT_ONCE = 1 << 20;

/** Timestamps come from a clock with ticks: a file that is younger than this could change again without its stamp changing. */
const SETTLED_NS = 2_000_000_000n;

/** For small files, which are read and hashed without a pause between. */
const shared = Buffer.allocUnsafeSlow(64 << 10);

export interface FileHasher {
  /**
   * One entry for each path, in the same order.
   * @throws PathEscapes for a path that leads out or ends in a symbolic link; NotWritable for one that is not a regular file
   */
  observeFiles(tenantDir: string, paths: readonly string[]): Promise<ObservedFile[]>;
}

/** Hashes files, and remembers by (device, inode, size, mtime, ctime). `maxEntries` bounds the memory: about 250 bytes each. */
export function createFileHasher(options: { maxEntries?: number } = {}): FileHasher {
  const maxEntries = options.maxEntries ?? 100_000;
  /** By device and inode. Oldest first, so that the first ones are dropped when it is full. */
  const known = new Map<string, { stamp: string; sha256: string }>();

  function hashOf(tenant: Tenant, path: string, seen: BigIntStats): string | null | Promise<string | null> {
    const found = known.get(keyOf(seen));
    if (found?.stamp === stampOf(seen)) return found.sha256;
    const hashed = hashFile(tenant, path, seen);
    return hashed instanceof Promise ? hashed.then(remember) : remember(hashed);
  }

  function remember(hashed: Hashed | null): string | null {
    if (hashed?.settled) {
      known.set(keyOf(hashed.stat), { stamp: stampOf(hashed.stat), sha256: hashed.sha256 });
      if (known.size > maxEntries) known.delete(known.keys().next().value as string);
    }
    return hashed?.sha256 ?? null;
  }

  return {
    async observeFiles(tenantDir, paths) {
      const checked = new Set<string>();
      const tenant: Tenant = { directory: tenantDir };
      const observed: ObservedFile[] = [];
      for (const path of paths) {
        const stat = lstatOf(tenantDir, path, confineParents(tenantDir, path, checked));
        const hashed = stat === undefined ? null : hashOf(tenant, path, stat);
        const sha256 = hashed instanceof Promise ? await hashed : hashed;
        const mode = sha256 === null || stat === undefined ? null : Number(stat.mode) & 0o7777;
        observed.push({ path, sha256, mode });
      }
      return observed;
    },
  };
}

/** An instance that is looked at. */
interface Tenant {
  directory: string;
  /** Found out when it is first needed. */
  real?: string;
}

interface Hashed {
  sha256: string;
  stat: BigIntStats;
  settled: boolean;
}

/** The lower-case hex sha256 of a buffer. */
export function sha256Of(content: Buffer): string {
  return hash('sha256', content);
}

/** The sha256 of one managed path now, without a cache; null when it is absent. @throws as observeFiles */
export async function hashPath(tenantDir: string, path: string): Promise<string | null> {
  const stat = lstatOf(tenantDir, path, confineParents(tenantDir, path, new Set()));
  return stat === undefined ? null : ((await hashFile({ directory: tenantDir }, path, stat))?.sha256 ?? null);
}

function lstatOf(tenantDir: string, path: string, absolute: string): BigIntStats | undefined {
  const stat = lstatSync(absolute, { bigint: true, throwIfNoEntry: false });
  if (stat?.isSymbolicLink()) throw endsInLink(tenantDir, path);
  // Before it is opened: opening a device can have effects.
  if (stat !== undefined) requireRegular(stat, tenantDir, path);
  return stat;
}

/** Small files at once and without a promise: for most instances that is all there is. */
function hashFile(tenant: Tenant, path: string, seen: BigIntStats): Hashed | null | Promise<Hashed | null> {
  if (path.includes('/')) tenant.real ??= realpathSync.native(tenant.directory);
  const fd = openConfined(tenant.directory, path, tenant.real);
  if (fd === null) return null;
  let streamed = false;
  try {
    const sha256 = seen.size <= AT_ONCE ? hashAtOnce(fd, Number(seen.size)) : undefined;
    const stat = fstatSync(fd, { bigint: true });
    requireRegular(stat, tenant.directory, path);
    if (sha256 !== undefined) return { sha256, stat, settled: isSettled(seen, stat) };
    streamed = true;
    return hashStream(tenant.directory, path, fd, stat);
  } catch (error) {
    throw toHostError(error, `read ${path} in ${tenant.directory}`);
  } finally {
    if (!streamed) closeSync(fd);
  }
}

/** undefined when it has more than the bytes that it had a moment ago. */
function hashAtOnce(fd: number, size: number): string | undefined {
  const buffer = size < shared.length ? shared : Buffer.allocUnsafe(size + 1);
  let length = 0;
  for (let read = 1; read > 0 && length <= size; length += read) {
    read = readSync(fd, buffer, length, size + 1 - length, null);
  }
  return length <= size ? hash('sha256', buffer.subarray(0, length)) : undefined;
}

async function hashStream(tenantDir: string, path: string, fd: number, before: BigIntStats): Promise<Hashed> {
  const digest = createHash('sha256');
  try {
    const stream = createReadStream('', { fd, autoClose: false, start: 0, highWaterMark: AT_ONCE });
    for await (const chunk of stream) digest.update(chunk as Buffer);
    const stat = fstatSync(fd, { bigint: true });
    return { sha256: digest.digest('hex'), stat, settled: isSettled(before, stat) };
  } catch (error) {
    throw toHostError(error, `read ${path} in ${tenantDir}`);
  } finally {
    closeSync(fd);
  }
}

/** Nothing changed while it was read, and the last change is long enough ago that another would show in the stamp. */
function isSettled(before: BigIntStats, after: BigIntStats): boolean {
  const now = BigInt(Date.now()) * 1_000_000n;
  return keyOf(before) === keyOf(after) && stampOf(before) === stampOf(after) && after.ctimeNs + SETTLED_NS < now;
}

function keyOf(stat: BigIntStats): string {
  return `${stat.dev}:${stat.ino}`;
}

function stampOf(stat: BigIntStats): string {
  return `${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`;
}
