import { setMaxListeners } from 'node:events';
import type { HostEvent } from '../../agent-client/tenant-driver.js';
import { createWorkQueue } from '../queue/create-work-queue.js';
import type { WorkQueue } from '../queue/work-queue.js';
import { createClockGuard } from './clock-guard.js';
import { createEndingClock } from './ending-clock.js';
import { createHostLinks } from './host-links.js';
import { createHostSweeps } from './host-sweep.js';
import { isBackingOff } from './look-at.js';
import { startResyncSchedule } from './resync-schedule.js';
import { startSourceLoop } from './source-loop.js';
import { createSourceTrouble } from './source-trouble.js';
import { goOnWithKnown, isConfirmed, takeSnapshot } from './take-snapshot.js';
import { createWatchContext, type WatchContext } from './watch-context.js';
import type { WatchDeps, WatchSettings } from './watch-deps.js';
import { LOOKS_AFTER_A_DEATH, workInstance } from './work-instance.js';
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
/** What ends a container. */
const ENDS = new Set(['die', 'kill', 'oom', 'stop', 'destroy', 'pause']);

/** Reads what is remembered, and begins. @throws FlotillaError HistoryUnavailable */
export async function startFleetWatch(given: WatchDeps, settings: WatchSettings): Promise<FleetWatch> {
  const clock = createEndingClock(given.clock);
  const deps = { ...given, clock };
  const { log, writer, store } = deps;
  const ending = new AbortController();
  // Every request to a host listens to it while it runs.
  setMaxListeners(0, ending.signal);
  const links = createHostLinks({ openDriver: deps.openDriver, onEvent, onBroken });
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
  const trouble = createSourceTrouble(context);
  const source = startSourceLoop({
    source: deps.source,
    clock,
    random: deps.random,
    signal: ending.signal,
    onSnapshot,
    onFailure: trouble.failed,
    onUnread,
    onRead(outcome, ms) {
      if (outcome !== 'failed') trouble.over();
      deps.observer.sourceRead(outcome, ms / 1_000);
    },
  });
  let stopSchedule = schedule(context.settings);
  const clocks = createClockGuard({ now: deps.now, nowMs: clock.nowMs, log });
  every(PRUNE_MS, prune);
  every(CONFIRMATION_MS, confirm);
  let refused: string | null = null;
  let unread = 0;

  async function work(slug: string): Promise<void> {
    const runtime = state.runtimes.get(slug);
    const entry = state.entries.get(slug);
    if (runtime?.status.removing) return workRemoval(context, slug, runtime);
    if (runtime && entry) return workInstance(context, entry, runtime);
  }

  async function onSnapshot(snapshot: Parameters<typeof takeSnapshot>[1]): Promise<boolean> {
    const before = new Set(links.names());
    const first = state.revision === null;
    const accepted = await takeSnapshot(context, snapshot);
    refused = accepted ? null : snapshot.revision;
    for (const host of links.names()) if (first || !before.has(host)) sweeps.sweep(host);
    return accepted;
  }

  /** A source that cannot be read when the daemon starts, twice in a row: the fleet is kept as an earlier process had it. */
  async function onUnread(): Promise<void> {
    unread += 1;
    if (state.revision !== null || unread !== 2) return;
    await goOnWithKnown(context).catch((err: unknown) => log.error({ err }, 'the fleet cannot be kept as it was'));
    for (const host of links.names()) sweeps.sweep(host);
  }

  /** A refused revision is offered again once an operator has confirmed it. */
  async function confirm(): Promise<void> {
    if (refused !== null && isConfirmed(refused, await deps.readConfirmed())) source.reconsider();
  }

  function onEvent(host: string, event: HostEvent): void {
    if (event.type === 'resync') {
      sweeps.sweep(host);
      return;
    }
    const runtime = state.runtimes.get(event.slug);
    if (!runtime || isBackingOff(runtime)) return;
    // Most likely it is our own doing.
    if (queue.isWorking(event.slug)) {
      sweeps.look(event.slug);
      return;
    }
    if (event.type === 'container' && ENDS.has(event.action)) runtime.looksLeft = LOOKS_AFTER_A_DEATH;
    queue.add(event.slug);
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
      const reason = trouble.reason() ?? (state.revision === null ? 'desired state was not read yet' : null);
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
