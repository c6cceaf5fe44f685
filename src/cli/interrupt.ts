import { EXIT_INTERRUPTED } from './exit-code.js';

export interface Interrupt {
  /** Aborted by the first SIGINT or SIGTERM. */
  signal: AbortSignal;
  /** Stops listening. */
  dispose(): void;
}

export interface InterruptOptions {
  /** The instances at work now, sorted. */
  active(): readonly string[];
  /** Prints one line on standard error. */
  say(line: string): void;
  /** Ends the process; given for tests. */
  exit?(code: number): void;
}

/**
 * Ctrl-C: the first signal starts nothing new and lets running work end; a second one ends the process at once. That is
 * safe too: the next reconcile completes what was left half done.
 */
export function listenForInterrupts({ active, say, exit = process.exit }: InterruptOptions): Interrupt {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) {
      say('interrupted again: stopping at once; the next reconcile completes what is half done');
      exit(EXIT_INTERRUPTED);
      return;
    }
    say(describeInterrupt(active()));
    controller.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    dispose: () => {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}

function describeInterrupt(slugs: readonly string[]): string {
  const named = slugs.slice(0, 10).join(', ');
  const more = slugs.length > 10 ? ` and ${slugs.length - 10} more` : '';
  const finishing = slugs.length === 0 ? '' : `; finishing ${named}${more}`;
  return `interrupted: no new work is started${finishing} (once more to stop at once)`;
}
