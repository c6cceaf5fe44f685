import type { ApplyProgress, ApplyResult } from '../../agent-client/tenant-driver.js';
import { FlotillaError } from '../../errors.js';
import { toWireError } from '../../wire/errors.js';
import type { ApplyLine } from '../../wire/messages.js';

/** How long the outcome of an apply can be asked for, in case its answer was lost on the way. */
const KEPT_MS = 15 * 60_000;
/** Progress is for people; past this many lines it is no longer kept. */
const MAX_LINES = 5000;

type Work = (options: { signal: AbortSignal; onProgress: (progress: ApplyProgress) => void }) => Promise<ApplyResult>;

/** One apply, from its start until some time after its end, whoever listens. */
export interface ApplyRun {
  readonly slug: string;
  /** What happened so far; the last one is a result or an error once it has ended. */
  readonly lines: readonly ApplyLine[];
  /** Resolves at the next line. */
  changed(): Promise<void>;
  /** Stops it if nothing has been changed yet; later it is finished. */
  cancel(): void;
}

/** The applies of this agent. They belong to the agent, not to the connection that asked for them. */
export interface ApplyRuns {
  /** The run of this id: the one that is there, or a new one. `onEnd` is called once a new one has ended. */
  start(id: string, slug: string, work: Work, onEnd: () => void): ApplyRun;
  /** @throws FlotillaError ApplyNotFound */
  find(id: string, slug: string): ApplyRun;
  has(id: string): boolean;
  /** Cancels what has changed nothing yet, and waits for the rest to be finished. */
  drain(): Promise<void>;
}

export function createApplyRuns(now: () => number = Date.now): ApplyRuns {
  const runs = new Map<string, ApplyRun & { endedAt?: number }>();
  const working = new Map<string, Promise<void>>();
  const forgetOld = () => {
    for (const [id, { endedAt }] of runs) if (endedAt !== undefined && now() - endedAt > KEPT_MS) runs.delete(id);
  };

  function begin(id: string, slug: string, work: Work, onEnd: () => void): ApplyRun {
    forgetOld();
    const controller = new AbortController();
    const log = createLines();
    const run: ApplyRun & { endedAt?: number } = {
      slug,
      lines: log.lines,
      changed: log.changed,
      cancel: () => controller.abort(),
    };
    runs.set(id, run);
    const onProgress = (progress: ApplyProgress) => log.add({ type: 'progress', ...progress });
    const ended = work({ signal: controller.signal, onProgress })
      .then(
        (result): ApplyLine => ({ type: 'result', result: result as Extract<ApplyLine, { type: 'result' }>['result'] }),
        (error: unknown): ApplyLine => ({ type: 'error', error: toWireError(error) }),
      )
      .then((last) => {
        run.endedAt = now();
        working.delete(id);
        onEnd();
        log.end(last);
      });
    working.set(id, ended);
    return run;
  }

  return {
    start: (id, slug, work, onEnd) => {
      const known = runs.get(id);
      if (known === undefined) return begin(id, slug, work, onEnd);
      onEnd();
      return known;
    },
    find(id, slug) {
      const run = runs.get(id);
      if (run?.slug === slug) return run;
      throw new FlotillaError('ApplyNotFound', `${slug}: this agent knows no such apply`, {
        hint: 'it never arrived, or the agent was started again since: observe the instance to see how it ended',
      });
    },
    has: (id) => runs.has(id),
    async drain() {
      for (const id of working.keys()) runs.get(id)?.cancel();
      await Promise.all(working.values());
    },
  };
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
