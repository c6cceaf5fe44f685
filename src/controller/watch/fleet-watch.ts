import { setMaxListeners } from 'node:events';
import { createWorkQueue } from '../queue/create-work-queue.js';
import type { WorkQueue } from '../queue/work-queue.js';
import { createClockGuard } from './clock-guard.js';
import { createEndingClock } from './ending-clock.js';
import { followSource } from './follow-source.js';
import { hearEvent } from './hear-event.js';
import { createHostLinks } from './host-links.js';
import { createHostSweeps } from './host-sweep.js';
import { startResyncSchedule } from './resync-schedule.js';
import { createWatchContext, type WatchContext } from './watch-context.js';
import type { WatchDeps, WatchSettings } from './watch-deps.js';
import { workInstance } from './work-instance.js';
import { workRemoval } from './work-removal.js';

/** The daemon's loop: keeps a fleet as its source desires it. */
export interface FleetWatch {
  /** The source may be other than before: look now. */
  trigger(): void;
  /** Why it is not ready to be relied on; empty when it is. */
  reasons(): string[];
  /** Takes up other settings. */
  reconfigure(settings: WatchSettings): void;
  /**
   * Starts nothing new, ends what has changed nothing yet, and lets the rest be finished; an apply that only waits for health
   * is left to the next start after `graceMs`.
   */
  stop(graceMs: number): Promise<void>;
}

const BACKOFF = { firstMs: 1_000, mostMs: 5 * 60_000 };
const CONFIRMATION_MS = 2_000;
const FLUSH_MS = 10_000;
const PRUNE_MS = 60 * 60_000;

/** Reads what is remembered, and begins. @throws FlotillaError HistoryUnavailable */
export async function startFleetWatch(given: WatchDeps, settings: WatchSettings): Promise<FleetWatch> {
  const clock = createEndingClock(given.clock);
  const deps = { ...given, clock };
  const { log, writer, store } = deps;
  const ending = new AbortController();
  // Every request to a host listens to it while it runs.
  setMaxListeners(0, ending.signal);
  const links = createHostLinks({
    openDriver: deps.openDriver,
    onEvent: (host, event) => hearEvent(context, sweeps, host, event),
    onBroken,
  });
  const context: WatchContext = createWatchContext({
    deps,
    settings,
    links,
    look: (slug) => sweeps.look(slug),
    stopping: ending.signal,
    statuses: await store.statuses(),
    queue: () => queue,
  });
  const { state } = context;
  const sweeps = createHostSweeps(() => context);
  const queue: WorkQueue = createWorkQueue({
    laneOf: (slug) => state.entries.get(slug)?.host.name ?? state.runtimes.get(slug)?.status.host ?? '',
    concurrency: lanesOf(settings),
    backoff: BACKOFF,
    random: deps.random,
    clock,
    observer: deps.queueObserver,
    work,
    onCrash: (slug, err) => log.error({ slug, err }, 'a pass ended in an unexpected error: it is tried again'),
  });
  await closeInterrupted(deps);
  const source = followSource(context, sweeps);
  let stopSchedule = schedule(context.settings);
  const clocks = createClockGuard({ now: deps.now, nowMs: clock.nowMs, log });
  every(PRUNE_MS, prune);
  every(CONFIRMATION_MS, source.confirm);

  async function work(slug: string): Promise<void> {
    const runtime = state.runtimes.get(slug);
    const entry = state.entries.get(slug);
    if (runtime?.status.removing) return workRemoval(context, slug, runtime);
    if (runtime && entry) return workInstance(context, entry, runtime);
  }

  function onBroken(host: string, err: unknown): void {
    log.error({ host, err }, 'the events of a host broke off: it is looked at by the schedule');
  }

  function schedule({ resync }: WatchSettings): () => void {
    return startResyncSchedule({
      ...resync,
      clock,
      now: deps.now,
      onDue() {
        source.trigger();
        for (const host of links.names()) clock.after(deps.random() * resync.jitterMs, () => sweeps.sweep(host));
      },
    });
  }

  async function prune(): Promise<void> {
    if (!clocks.isSteady()) return;
    await store.prune(new Date(deps.now().getTime() - context.settings.retentionMs));
  }

  function every(ms: number, run: () => Promise<void>): void {
    clock.after(ms, () => {
      run().catch((err: unknown) => log.warn({ err }, 'housekeeping failed: it is tried again'));
      every(ms, run);
    });
  }

  return {
    trigger: source.trigger,
    reasons() {
      const reason = source.reason();
      return reason === null ? [] : [reason];
    },
    reconfigure(next) {
      Object.assign(context.settings, next);
      queue.reconfigure(lanesOf(next));
      stopSchedule();
      stopSchedule = schedule(next);
    },
    async stop(graceMs) {
      stopSchedule();
      clock.end();
      ending.abort();
      const cancel = given.clock.after(graceMs, () => {
        for (const { supersede } of state.runtimes.values()) supersede?.abort();
      });
      await queue.drain();
      cancel();
      await source.done;
      await links.close();
      if (!(await writer.flush(FLUSH_MS))) log.error('history that could not be written is lost');
      await writer.close();
    },
  };
}

function lanesOf({ concurrency }: WatchSettings): { total: number; perLane: number } {
  return { total: concurrency.total, perLane: concurrency.perHost };
}

/** Applies that an earlier process began: how they ended is seen by looking. */
async function closeInterrupted({ store, writer, now }: WatchDeps): Promise<void> {
  for (const upgrade of await store.running())
    void writer.recordUpgrade({ ...upgrade, result: 'interrupted', finishedAt: now().toISOString() });
}
