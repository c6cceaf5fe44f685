import { readFileSync, readlinkSync } from 'node:fs';

/**
 * Names this process among all that this machine ever runs: `<pid namespace>.<pid>.<start time>`. To be put on what has to be
 * cleared away should it be killed.
 */
export function ownProcessMark(): string {
  return markOf(process.pid) ?? 'unknown';
}

/** Whether the process of a mark is known to have ended. False for what is no mark, and for other pid namespaces. */
export function hasEnded(mark: string): boolean {
  const [, namespace, pid] = /^(\d+)\.(\d+)\.\d+$/.exec(mark) ?? [];
  return namespace !== undefined && namespace === ownNamespace() && markOf(Number(pid)) !== mark;
}

function markOf(pid: number): string | null {
  try {
    // The name of the program, in parentheses, may hold anything; field 22 is the start time in ticks since boot.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return `${ownNamespace()}.${pid}.${startTime}`;
  } catch {
    return null;
  }
}

function ownNamespace(): string | null {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? null;
  } catch {
    return null;
  }
}
