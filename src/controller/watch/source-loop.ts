import { FlotillaError } from '../../errors.js';
import type { Snapshot, Source } from '../../source/source.js';
import type { QueueClock } from '../queue/work-queue.js';

export interface SourceLoopOptions {
  source: Pick<Source, 'read' | 'watch'>;
  clock: QueueClock;
  random(): number;
  signal: AbortSignal;
  /** A snapshot that is other than the last one that was taken. False: it is refused, and offered again when there is another. */
  onSnapshot(snapshot: Snapshot): Promise<boolean>;
  /** It could not be read; it is tried again. */
  onFailure(error: FlotillaError): void;
  /** Reading it has failed; the next read waits for this. */
  onUnread(): Promise<void>;
  onRead(outcome: 'accepted' | 'unchanged' | 'refused' | 'failed', ms: number): void;
}

export interface SourceLoop {
  /** Worth reading again: soon, and once however often it is called. */
  trigger(): void;
  /** Offers the last snapshot again although it was refused. */
  reconsider(): void;
  /** Ends with `signal`. Never rejects. */
  done: Promise<void>;
}

const RETRY_MS = { first: 1_000, most: 60_000 };

/** Reads the source whenever it may be other than before, one read at a time, and again after a failure. */
export function startSourceLoop(options: SourceLoopOptions): SourceLoop {
  const { source, clock, random, signal, onSnapshot, onFailure, onUnread, onRead } = options;
  let wake = () => {};
  let cancelRetry = () => {};
  let wanted = true;
  let failures = 0;
  let taken: Snapshot | null = null;
  let refused: Snapshot | null = null;

  const trigger = () => {
    wanted = true;
    wake();
  };
  signal.addEventListener('abort', trigger, { once: true });
  return {
    trigger,
    reconsider() {
      refused = null;
      trigger();
    },
    done: run(),
  };

  async function run(): Promise<void> {
    await startWatching();
    while (!signal.aborted) {
      if (!wanted) await new Promise<void>((resolve) => (wake = resolve));
      if (signal.aborted) break;
      wanted = false;
      await readOnce();
    }
    cancelRetry();
  }

  /** Before the first read, so that no change after it is missed. A source that cannot be watched is read by the clock. */
  async function startWatching(): Promise<void> {
    await source.watch({ onChange: trigger, signal }).catch((error: unknown) => {
      onFailure(toOwn(error));
      tryAgainLater();
    });
  }

  async function readOnce(): Promise<void> {
    const begun = clock.nowMs();
    const told = (outcome: Parameters<typeof onRead>[0]) => onRead(outcome, clock.nowMs() - begun);
    try {
      const snapshot = await source.read({ signal });
      failures = 0;
      if (snapshot === taken) return told('unchanged');
      if (snapshot === refused) return told('refused');
      const accepted = await onSnapshot(snapshot);
      if (accepted) taken = snapshot;
      refused = accepted ? null : snapshot;
      told(accepted ? 'accepted' : 'refused');
    } catch (error) {
      if (signal.aborted) return;
      told('failed');
      onFailure(toOwn(error));
      await onUnread();
      tryAgainLater();
    }
  }

  function tryAgainLater(): void {
    const ms = Math.min(RETRY_MS.most, RETRY_MS.first * 2 ** Math.min(failures, 16)) * (0.5 + random() / 2);
    failures += 1;
    cancelRetry();
    cancelRetry = clock.after(ms, trigger);
  }
}

function toOwn(error: unknown): FlotillaError {
  if (error instanceof FlotillaError) return error;
  return new FlotillaError(
    'Internal',
    `unexpected ${error instanceof Error ? error.name : typeof error} while reading desired state`,
    {
      cause: error,
    },
  );
}
