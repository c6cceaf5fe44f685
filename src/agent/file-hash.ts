import { createHash, hash } from 'node:crypto';
import { type BigIntStats, closeSync, createReadStream, fstatSync, lstatSync, readFileSync } from 'node:fs';
import type { ObservedFile } from '../agent-client/tenant-driver.js';
import { confineParents, endsInLink } from './confine.js';
import { openConfined, requireRegular } from './confined-file.js';
import { toHostError } from './host-error.js';

/** Up to this many bytes a file is read at once, which is fastest; larger ones are streamed in bounded memory. */
const AT_ONCE = 1 << 20;

/** Timestamps come from a clock with ticks: a file that is younger than this could change again without its stamp changing. */
const SETTLED_NS = 2_000_000_000n;

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

  async function hashOf(tenantDir: string, path: string, seen: BigIntStats): Promise<string | null> {
    const found = known.get(keyOf(seen));
    if (found?.stamp === stampOf(seen)) return found.sha256;
    const hashed = await hashFile(tenantDir, path);
    if (hashed?.settled) {
      known.set(keyOf(hashed.stat), { stamp: stampOf(hashed.stat), sha256: hashed.sha256 });
      if (known.size > maxEntries) known.delete(known.keys().next().value as string);
    }
    return hashed?.sha256 ?? null;
  }

  return {
    async observeFiles(tenantDir, paths) {
      const checked = new Set<string>();
      const observed: ObservedFile[] = [];
      for (const path of paths) {
        const stat = lstatOf(tenantDir, path, confineParents(tenantDir, path, checked));
        const sha256 = stat === undefined ? null : await hashOf(tenantDir, path, stat);
        const mode = sha256 === null || stat === undefined ? null : Number(stat.mode) & 0o7777;
        observed.push({ path, sha256, mode });
      }
      return observed;
    },
  };
}

/** The lower-case hex sha256 of a buffer. */
export function sha256Of(content: Buffer): string {
  return hash('sha256', content);
}

/** The sha256 of one managed path now, without a cache; null when it is absent. @throws as observeFiles */
export async function hashPath(tenantDir: string, path: string): Promise<string | null> {
  const stat = lstatOf(tenantDir, path, confineParents(tenantDir, path, new Set()));
  return stat === undefined ? null : ((await hashFile(tenantDir, path))?.sha256 ?? null);
}

function lstatOf(tenantDir: string, path: string, absolute: string): BigIntStats | undefined {
  const stat = lstatSync(absolute, { bigint: true, throwIfNoEntry: false });
  if (stat?.isSymbolicLink()) throw endsInLink(tenantDir, path);
  // Before it is opened: opening a device can have effects.
  if (stat !== undefined) requireRegular(stat, tenantDir, path);
  return stat;
}

async function hashFile(tenantDir: string, path: string) {
  const fd = openConfined(tenantDir, path);
  if (fd === null) return null;
  try {
    const stat = fstatSync(fd, { bigint: true });
    requireRegular(stat, tenantDir, path);
    const sha256 = stat.size <= AT_ONCE ? hash('sha256', readFileSync(fd)) : await hashStream(fd);
    return { sha256, stat, settled: isSettled(stat, fstatSync(fd, { bigint: true })) };
  } catch (error) {
    throw toHostError(error, `read ${path} in ${tenantDir}`);
  } finally {
    closeSync(fd);
  }
}

async function hashStream(fd: number): Promise<string> {
  const digest = createHash('sha256');
  for await (const chunk of createReadStream('', { fd, autoClose: false, start: 0, highWaterMark: AT_ONCE }))
    digest.update(chunk as Buffer);
  return digest.digest('hex');
}

/** Nothing changed while it was read, and the last change is long enough ago that another would show in the stamp. */
function isSettled(before: BigIntStats, after: BigIntStats): boolean {
  const now = BigInt(Date.now()) * 1_000_000n;
  return stampOf(before) === stampOf(after) && after.ctimeNs + SETTLED_NS < now;
}

function keyOf(stat: BigIntStats): string {
  return `${stat.dev}:${stat.ino}`;
}

function stampOf(stat: BigIntStats): string {
  return `${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`;
}
