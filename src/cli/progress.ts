import type { ReconcileEvent, ReconcileItem } from '../controller/report.js';
import { oneLine } from '../plan/format-safe.js';
import type { Context } from './context.js';
import { createLiveLines } from './live-lines.js';

export interface Progress {
  onEvent(event: ReconcileEvent): void;
  /** Instances that an apply is working on, sorted. */
  active(): string[];
  /** Prints a line without disturbing the display. */
  say(line: string): void;
  /** Takes the display away. */
  end(): void;
}

/** Looking costs no time worth a line of its own where lines cannot be taken back. */
const LOOKING = new Set(['render', 'observe', 'plan']);

/**
 * Shows on standard error how far each instance is: on a terminal a live line for each one at work, elsewhere a plain
 * line for each phase of an apply and each outcome; nothing with --quiet.
 */
export function createProgress({ io, errPaint, quiet }: Pick<Context, 'io' | 'errPaint' | 'quiet'>): Progress {
  const live = !quiet && io.err.isTty && io.env.TERM !== 'dumb' ? createLiveLines(io.err) : null;
  const write = (line: string) => {
    if (live) live.say(line);
    else void io.err.write(`${line}\n`);
  };
  const applying = new Set<string>();
  const last = new Map<string, string>();
  const onPhase = (event: Extract<ReconcileEvent, { type: 'phase' }>) => {
    const { slug, phase } = event;
    if (!LOOKING.has(phase)) applying.add(slug);
    live?.set(slug, describePhase(event));
    if (live || quiet || LOOKING.has(phase)) return;
    if (last.get(slug) !== phase) write(`${slug}: ${phase}`);
    last.set(slug, phase);
  };
  return {
    onEvent(event) {
      if (event.type === 'started') live?.add();
      else if (event.type === 'phase') onPhase(event);
      else {
        const wasApplying = applying.delete(event.slug);
        last.delete(event.slug);
        live?.remove(event.slug);
        const outcome = wasApplying && !quiet ? describeOutcome(event.item) : null;
        if (outcome !== null) write(`${errPaint.bold(event.slug)}: ${outcome}`);
      }
    },
    active: () => [...applying].sort(),
    say: write,
    end: () => live?.end(),
  };
}

function describePhase({ phase, service, message }: Extract<ReconcileEvent, { type: 'phase' }>): string {
  return [phase, service, message === undefined ? undefined : oneLine(message)]
    .filter((word) => word !== undefined)
    .join('  ');
}

/** How an apply ended: worth a line before the report, which says what was found by looking. */
function describeOutcome({ result, error, plan }: ReconcileItem): string | null {
  if (result === 'converged') return 'converged';
  if (result === 'failed') return `failed: ${error?.code ?? 'Internal'}`;
  return result === 'waiting' && plan?.gate?.blocked ? `refused: ${plan.gate.reason}` : null;
}
