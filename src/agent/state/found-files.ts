import { closeSync, createReadStream, existsSync, fstatSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { confinePath } from '../files/confine.js';
import { openConfined, requireRegular } from '../files/confined-file.js';
import { ensureStateDirectory, statePath, syncDirectory } from '../files/fs-atomic.js';
import { toHostError } from '../files/host-error.js';
import { numbersIn } from './generations.js';

const FOUND = 'found';
const KEEP = 5;

/**
 * Before generation `number` overwrites files whose bytes are not what we last wrote (drift, conflict, adopt), copies them to
 * `.flotilla/found/<number>/<path>`, so that nobody's edit is ever lost. Absent files are passed over. The newest five
 * such copies are kept. @throws PathEscapes, DiskFull, NotWritable
 */
export async function keepFound(tenantDir: string, number: number, paths: readonly string[]): Promise<void> {
  if (paths.length === 0) return;
  const directory = statePath(tenantDir, FOUND, String(number));
  try {
    await ensureStateDirectory(tenantDir);
    for (const path of paths) await copyFound(tenantDir, path, join(directory, path));
    if (existsSync(directory)) await syncDirectory(statePath(tenantDir, FOUND));
  } catch (error) {
    throw toHostError(error, `keep a copy of files found in ${tenantDir}`);
  }
  for (const old of numbersIn(statePath(tenantDir, FOUND)).slice(KEEP)) {
    await rm(statePath(tenantDir, FOUND, String(old)), { recursive: true, force: true });
  }
}

async function copyFound(tenantDir: string, path: string, target: string): Promise<void> {
  confinePath(tenantDir, path);
  const fd = openConfined(tenantDir, path);
  if (fd === null) return;
  try {
    requireRegular(fstatSync(fd), tenantDir, path);
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    const copy = await open(`${target}.tmp`, 'w', 0o600);
    try {
      for await (const chunk of createReadStream('', { fd, autoClose: false, start: 0 })) {
        await copy.writeFile(chunk as Buffer);
      }
      await copy.sync();
    } finally {
      await copy.close();
    }
    await rename(`${target}.tmp`, target);
    await syncDirectory(dirname(target));
  } finally {
    closeSync(fd);
  }
}
