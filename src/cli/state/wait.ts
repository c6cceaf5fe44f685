import { oneLine } from '../../plan/format-safe.js';
import { isStateInUse } from '../../state/state-lock.js';
import { type Context, createContext, type SharedOptions } from '../context.js';
import { EXIT_DONE, EXIT_ERROR, EXIT_INTERRUPTED } from '../exit-code.js';
import { listenForInterrupts } from '../interrupt.js';
import type { Io } from '../io.js';
import { pause } from './follow-history.js';
import { createWaitReader, type Reading } from './wait-reader.js';
import { judge, type Verdict, type WaitTarget } from './wait-target.js';

interface Options extends Pick<SharedOptions, 'color'> {
  io: Io;
  state: string;
  for: WaitTarget;
  revision?: string;
  /** Milliseconds; 0 looks once. */
  timeout: number;
}

const POLL_MS = 250;

/**
 * `flotilla wait SLUG...`: until the daemon has said of each instance that it is in the condition, once it has accepted the
 * revision. 0 when it has, 1 when time is up or when an instance needs a person first, 130 for Ctrl-C.
 */
export async function waitCommand({ slugs }: { slugs: string[] }, options: Options): Promise<number> {
  const context = await createContext(options.io, options);
  const reader = createWaitReader(options.state, slugs, options.revision);
  const interrupt = listenForInterrupts({ active: () => [], say: () => undefined });
  const deadline = Date.now() + options.timeout;
  const pending = new Set(slugs);
  try {
    for (;;) {
      const verdicts = judgeAll(pending, await reader.read(), options.for);
      await sayMet(verdicts, pending, options.for, context);
      if (pending.size === 0) return EXIT_DONE;
      const left = deadline - Date.now();
      const hopeless = [...verdicts.values()].some(({ outcome }) => outcome === 'hopeless');
      if (hopeless || left <= 0) return await sayUnmet(verdicts, pending, options, context);
      await pause(Math.min(POLL_MS, left), interrupt.signal);
      if (interrupt.signal.aborted) return EXIT_INTERRUPTED;
    }
  } finally {
    interrupt.dispose();
    await reader.close();
  }
}

function judgeAll(slugs: Iterable<string>, reading: Reading, target: WaitTarget): Map<string, Verdict> {
  return new Map(
    [...slugs].map((slug): [string, Verdict] => [
      slug,
      'nothing' in reading ? { outcome: 'waiting', now: reading.nothing } : judge(reading.statuses.get(slug), target),
    ]),
  );
}

/** An instance that has been in the condition once is waited for no longer. */
async function sayMet(
  verdicts: ReadonlyMap<string, Verdict>,
  pending: Set<string>,
  target: WaitTarget,
  { io }: Context,
): Promise<void> {
  for (const [slug, verdict] of verdicts) {
    if (verdict.outcome !== 'met') continue;
    pending.delete(slug);
    await io.out.write(`${slug} condition met: ${nameOf(target)} (${verdict.reason})\n`);
  }
}

async function sayUnmet(
  verdicts: ReadonlyMap<string, Verdict>,
  pending: ReadonlySet<string>,
  { for: target, state }: Pick<Options, 'for' | 'state'>,
  { io, errPaint }: Context,
): Promise<number> {
  for (const [slug, verdict] of verdicts) {
    if (!pending.has(slug) || verdict.outcome === 'met') continue;
    await io.err.write(`${errPaint.red('error')}: ${slug} is not ${nameOf(target)}: ${oneLine(verdict.now)}\n`);
  }
  if ((await isStateInUse(state)) === false)
    await io.err.write(errPaint.dim(`  no daemon runs on ${state}: flotilla watch starts one\n`));
  return EXIT_ERROR;
}

function nameOf({ type, status }: WaitTarget): string {
  return status === 'True' ? type : `${type}=${status}`;
}
