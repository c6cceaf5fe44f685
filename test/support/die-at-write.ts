/**
 * Preloaded into a process (`node --import`): ends it by SIGKILL before its nth write to a file or a directory of tenants.
 * Counts from 1; with 0 it lives, and the report says how many writes there were. Instead of a number: the write itself, such
 * as `rename applied.json`. A process that serves for long is told by a file instead, and counts from when that is there.
 */
import fs from 'node:fs';
import fsp from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

/** What it is told by its environment. */
export interface DieAtWriteEnv {
  FLOTILLA_TEST_DIE_AT?: string;
  /** A file that holds the number, or the write. */
  FLOTILLA_TEST_DIE_WHEN?: string;
  /** Only writes below this directory count. */
  FLOTILLA_TEST_DIE_UNDER: string;
  /** A file to append the step to, or how many there were. */
  FLOTILLA_TEST_DIE_REPORT?: string;
}

const { FLOTILLA_TEST_DIE_UNDER = '/', FLOTILLA_TEST_DIE_REPORT, FLOTILLA_TEST_DIE_WHEN } = process.env;
let dieAt = FLOTILLA_TEST_DIE_WHEN === undefined ? (process.env.FLOTILLA_TEST_DIE_AT ?? '0') : null;
const report = FLOTILLA_TEST_DIE_REPORT === undefined ? null : fs.openSync(FLOTILLA_TEST_DIE_REPORT, 'a');
const writeReport = fs.writeSync;
let count = 0;

// biome-ignore lint/suspicious/noExplicitAny: any function of node:fs
type AnyFunction = (...args: any[]) => unknown;

function step(name: string, path: unknown): void {
  // Also by an open directory's descriptor.
  const counts = path === null || (typeof path === 'string' && /^\/(?:proc\/self|dev)\/fd\//.test(path));
  if (!counts && !(typeof path === 'string' && path.startsWith(FLOTILLA_TEST_DIE_UNDER))) return;
  if (dieAt === null && fs.existsSync(FLOTILLA_TEST_DIE_WHEN ?? ''))
    dieAt = fs.readFileSync(FLOTILLA_TEST_DIE_WHEN ?? '', 'utf8');
  if (dieAt === null) return;
  count += 1;
  const text = `${name} ${typeof path === 'string' ? path.split('/').pop() : ''}`;
  if (![text, String(count)].includes(dieAt)) return;
  if (report !== null) writeReport(report, `${text}\n`);
  process.kill(process.pid, 'SIGKILL');
  for (;;);
}

function patch(target: Record<string, AnyFunction>, names: readonly string[], pathAt: number | null): void {
  for (const name of names) {
    const original = target[name] as AnyFunction;
    target[name] = function patched(this: unknown, ...args: unknown[]) {
      if (!name.startsWith('open') || opensToWrite(args[1])) step(name, pathAt === null ? null : args[pathAt]);
      return original.apply(this, args);
    };
  }
}

function opensToWrite(flags: unknown): boolean {
  if (typeof flags === 'number') return (flags & (fs.constants.O_WRONLY | fs.constants.O_RDWR)) !== 0;
  return typeof flags === 'string' && /[wa+]/.test(flags);
}

const handle = await fsp.open('/dev/null');
patch(
  Object.getPrototypeOf(handle) as Record<string, AnyFunction>,
  ['write', 'writeFile', 'truncate', 'chmod', 'chown', 'sync'],
  null,
);
await handle.close();
const promises = fsp as unknown as Record<string, AnyFunction>;
patch(promises, ['open', 'unlink', 'rm', 'rmdir', 'mkdir', 'chmod', 'chown', 'writeFile', 'truncate'], 0);
patch(promises, ['rename', 'link', 'symlink', 'copyFile'], 1);
const sync = fs as unknown as Record<string, AnyFunction>;
patch(sync, ['openSync', 'unlinkSync', 'rmSync', 'rmdirSync', 'mkdirSync', 'chmodSync', 'writeFileSync'], 0);
patch(sync, ['renameSync', 'linkSync', 'symlinkSync', 'copyFileSync'], 1);
syncBuiltinESMExports();

process.on('exit', () => {
  if (report !== null) writeReport(report, `${count} writes\n`);
});
