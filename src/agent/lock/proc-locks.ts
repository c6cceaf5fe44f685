import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { basename } from 'node:path';

/** A process that holds a lock on a file, as the kernel lists it. The process may have ended: a lock belongs to the open file. */
export interface KernelLock {
  pid: number;
  device: string;
}

/** Kernel constant (PROC_PID_INIT_INO): elsewhere than in this namespace, locks taken by a process that has ended are not listed. */
const INITIAL_PID_NAMESPACE = 'pid:[4026531836]';
const INTERPRETERS = /^(?:sh|bash|dash|zsh|ksh|ash|busybox|python[\d.]*|perl|ruby|node|env)$/;
const WITH_SUBCOMMAND = /^(?:docker|docker-compose|flotilla|podman|make|npm)$/;

/** Of /proc/locks: the flock(2) locks that are held, by inode number. Waiting ones (`->`) are left out. */
export function readKernelLocks(text = readText('/proc/locks')): Map<string, KernelLock[]> {
  const locks = new Map<string, KernelLock[]>();
  for (const line of text.split('\n')) {
    const found = /^\d+: FLOCK +\S+ +\S+ +(-?\d+) ([0-9a-f]+:[0-9a-f]+):(\d+) /.exec(line);
    if (!found) continue;
    const [, pid, device, inode] = found as unknown as [string, string, string, string];
    locks.set(inode, [...(locks.get(inode) ?? []), { pid: Number(pid), device }]);
  }
  return locks;
}

/** The device as /proc/locks writes it. Some file systems (btrfs, overlay) give stat(2) another one. */
export function deviceName(dev: bigint): string {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xfff00n);
  return `${hex(major)}:${hex(minor)}`;
}

export function kernelListsEveryLock(): boolean {
  try {
    return readlinkSync('/proc/self/ns/pid') === INITIAL_PID_NAMESPACE;
  } catch {
    return true;
  }
}

/** Whether a process is there and has this file open; undefined when it is there and we may not look. */
export function hasOpen(pid: number, file: { dev: bigint; ino: bigint }): boolean | undefined {
  let names: string[];
  try {
    names = readdirSync(`/proc/${pid}/fd`);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES' ? undefined : false;
  }
  return names.some((name) => {
    try {
      const stat = statSync(`/proc/${pid}/fd/${name}`, { bigint: true });
      return stat.ino === file.ino && stat.dev === file.dev;
    } catch {
      return false;
    }
  });
}

/** Every process that we may look into and that has the file open, except this one. A few milliseconds: only for files that are locked. */
export function findOpeners(file: { dev: bigint; ino: bigint }): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => pid !== process.pid && hasOpen(pid, file) === true);
}

/** The first child of a process, 0 when it has none. */
export function firstChild(pid: number): number {
  return Number(readText(`/proc/${pid}/task/${pid}/children`).split(' ')[0] ?? 0) || 0;
}

/**
 * What a process is, for a person: the program, and the script or subcommand after it. Never another argument: those can
 * hold secrets. Empty when it has ended.
 */
export function describeProcess(pid: number): string {
  const [program = '', argument = ''] = readText(`/proc/${pid}/cmdline`).split('\0');
  const name = basename(program) || readText(`/proc/${pid}/comm`).trim();
  if (INTERPRETERS.test(name)) return argument === '' || argument.startsWith('-') ? name : basename(argument);
  return WITH_SUBCOMMAND.test(name) && /^[a-z][a-z-]{0,19}$/.test(argument) ? `${name} ${argument}` : name;
}

function hex(value: bigint): string {
  return value.toString(16).padStart(2, '0');
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
