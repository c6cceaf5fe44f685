/** By how much an interval varies, so that many daemons do not ask one server at the same moment. */
const JITTER = 0.2;

/** Calls `onTurn` about every `intervalMs`, until `signal` ends it. */
export function pollEvery(intervalMs: number, { onTurn, signal }: { onTurn: () => void; signal: AbortSignal }): void {
  if (signal.aborted) return;
  let timer: NodeJS.Timeout;
  const schedule = () => {
    timer = setTimeout(
      () => {
        schedule();
        onTurn();
      },
      intervalMs * (1 - JITTER + 2 * JITTER * Math.random()),
    );
  };
  schedule();
  signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
}
