import type { ApplyProgress, ApplyResult } from '../../agent-client/tenant-driver.js';
import { FlotillaError } from '../../errors.js';
import type { Logger } from '../../log.js';
import { toWireError } from '../../wire/errors.js';
import type { ApplyLine } from '../../wire/messages.js';

/** How long the outcome of an apply can be asked for, in case its answer was lost on the way. */
const KEPT_MS = 15 * 60_000;
/** And how many outcomes are kept for that long. */
const MAX_ENDED = 200;
/** Progress is for people; past this many lines it is no longer kept. */
const MAX_LINES = 1000;

type Work = (options: {
  signal: AbortSignal;
  supersede: AbortSignal;
  onProgress: (progress: ApplyProgress) => void;
}) => Promise<ApplyResult>;

/** One apply, from its start until some time after its end, whoever listens. */
export interface ApplyRun {
  readonly slug: string;
  /** What happened so far; the last one is a result or an error once it has ended. */
  readonly lines: readonly ApplyLine[];
  /** Resolves at the next line. */
  changed(): Promise<void>;
  /** Stops it if nothing has been changed yet; later it is finished. */
  cancel(): void;
  /** As `cancel`; and what only waits for health waits no longer. */
  supersede(): void;
}

export interface ApplyStart {
  id: string;
  slug: string;
  /** Says which reconcile it belongs to. */
  log: Pick<Logger, 'info' | 'error'>;
}

/** The applies of this agent. They belong to the agent, not to the connection that asked for them. */
export interface ApplyRuns {
  /**
   * The run of this id: the one that is there, or a new one that does `work`.
   * @throws FlotillaError RequestInvalid when that is another instance's; HostBusy when the agent stops
   */
  start(what: ApplyStart, work: Work): ApplyRun;
  /** @throws FlotillaError ApplyNotFound */
  find(id: string, slug: string): ApplyRun;
  /** Cancels what has changed nothing yet, and waits for the rest to be finished. */
  drain(): Promise<void>;
}

export function createApplyRuns(now: () => number = Date.now): ApplyRuns {
  const runs = new Map<string, ApplyRun>();
  const working = new Map<string, Promise<void>>();
  /** When each ended, the one that ended first first. */
  const ended = new Map<string, number>();
  let draining = false;
  const forgetOld = () => {
    for (const [id, at] of ended) {
      if (now() - at <= KEPT_MS && ended.size <= MAX_ENDED) return;
      ended.delete(id);
      runs.delete(id);
    }
  };

  function begin(what: ApplyStart, work: Work): ApplyRun {
    const { id, slug } = what;
    const [cancelled, superseded] = [new AbortController(), new AbortController()];
    const lines = createLines();
    const run: ApplyRun = {
      slug,
      lines: lines.lines,
      changed: lines.changed,
      cancel: () => cancelled.abort(),
      supersede: () => superseded.abort(),
    };
    const onProgress = (progress: ApplyProgress) => lines.add({ type: 'progress', ...progress });
    const options = { signal: cancelled.signal, supersede: superseded.signal, onProgress };
    runs.set(id, run);
    working.set(
      id,
      carryOut(what, () => work(options)).then((last) => {
        working.delete(id);
        ended.set(id, now());
        forgetOld();
        lines.end(last);
      }),
    );
    return run;
  }

  return {
    start(what, work) {
      forgetOld();
      const known = runs.get(what.id);
      if (known?.slug === what.slug) return known;
      if (known) throw new FlotillaError('RequestInvalid', 'that apply is one of another instance');
      if (draining) throw new FlotillaError('HostBusy', 'the agent is about to stop', { hint: 'try again later' });
      return begin(what, work);
    },
    find(id, slug) {
      const run = runs.get(id);
      if (run?.slug === slug) return run;
      throw new FlotillaError('ApplyNotFound', 'this agent knows no such apply of that instance', {
        hint: 'it never arrived, or the agent was started again since: observe the instance to see how it ended',
      });
    },
    async drain() {
      draining = true;
      for (const id of working.keys()) runs.get(id)?.cancel();
      await Promise.all(working.values());
    },
  };
}

/** Never throws: how it ended is the last line. What goes wrong is logged here, as nobody may be listening any more. */
async function carryOut({ id, slug, log }: ApplyStart, work: () => Promise<ApplyResult>): Promise<ApplyLine> {
  const about = { slug, applyId: id };
  const start = performance.now();
  const durationMs = () => Math.round(performance.now() - start);
  log.info(about, 'apply starts');
  try {
    const result = await work();
    log.info({ ...about, generation: result.generation, durationMs: durationMs() }, 'apply ended');
    return { type: 'result', result: result as Extract<ApplyLine, { type: 'result' }>['result'] };
  } catch (error) {
    const last = toWireError(error);
    const { code, phase } = last;
    const unexpected = error instanceof FlotillaError ? {} : { err: error };
    const level = error instanceof FlotillaError ? 'info' : 'error';
    log[level]({ ...about, code, phase, durationMs: durationMs(), ...unexpected }, 'apply failed');
    return { type: 'error', error: last };
  }
}

function createLines() {
  const lines: ApplyLine[] = [];
  let wake = () => {};
  let next = new Promise<void>((resolve) => {
    wake = resolve;
  });
  const push = (line: ApplyLine) => {
    lines.push(line);
    const woken = wake;
    next = new Promise((resolve) => {
      wake = resolve;
    });
    woken();
  };
  return {
    lines: lines as readonly ApplyLine[],
    changed: () => next,
    add: (line: ApplyLine) => {
      if (lines.length < MAX_LINES) push(line);
    },
    end: push,
  };
}
