/** How long a process that was asked to end may take, in milliseconds. */
const KILL_GRACE_MS = 5_000;

/** Why a process was stopped before it ended by itself. */
export type StopReason = 'timeout' | 'abort' | 'failure';

export interface ProcessLimit {
  /** Ends it now, and for this reason. */
  stop(why: StopReason): void;
  /** Call once, when it has ended. Gives why it was stopped; null when it was not. */
  end(): StopReason | null;
}

/** Ends the process group of `pid` after a time, or when `signal` says so: first it is asked to end, then it is killed. */
export function limitProcess(
  pid: number | undefined,
  { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal | undefined },
): ProcessLimit {
  let reason: StopReason | null = null;
  let killTimer: NodeJS.Timeout | undefined;
  const stop = (why: StopReason) => {
    if (reason !== null) return;
    reason = why;
    signalGroup(pid, 'SIGTERM');
    killTimer = setTimeout(() => signalGroup(pid, 'SIGKILL'), KILL_GRACE_MS);
  };
  const onAbort = () => stop('abort');
  const timer = setTimeout(() => stop('timeout'), timeoutMs);
  signal?.addEventListener('abort', onAbort, { once: true });
  return {
    stop,
    end() {
      clearTimeout(timer);
      clearTimeout(killTimer);
      signal?.removeEventListener('abort', onAbort);
      return reason;
    },
  };
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group has just ended.
  }
}
