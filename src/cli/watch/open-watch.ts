import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type { FastifyInstance } from 'fastify';
import { buildApi, type Health } from '../../api/build-api.js';
import { createMetrics, type Metrics } from '../../api/create-metrics.js';
import type { WatchConfig } from '../../config/watch-config.js';
import { createSystemClock } from '../../controller/queue/system-clock.js';
import { type FleetWatch, startFleetWatch } from '../../controller/watch/fleet-watch.js';
import { toldBefore } from '../../controller/watch/told-before.js';
import type { WatchDeps, WatchSettings } from '../../controller/watch/watch-deps.js';
import { createHistoryWriter } from '../../history/history-writer.js';
import { openSqliteStore } from '../../history/sqlite/open-sqlite-store.js';
import type { Logger } from '../../log.js';
import { createChangeFilter } from '../../notify/change-filter.js';
import { createNotifier } from '../../notify/create-notifier.js';
import { createRenderer } from '../../render/create-renderer.js';
import { createDirectorySource } from '../../source/directory-source.js';
import { createGitSource } from '../../source/git/git-source.js';
import type { Source } from '../../source/source.js';
import { openStateDirectory, readConfirmed, type StateDirectory } from '../../state/state-directory.js';
import { loadDrivers } from '../open-drivers.js';
import { readVersion } from '../version.js';
import { mayConcern } from './may-concern.js';

/** A daemon that has all it needs and has not begun, and its HTTP side, which does not listen yet. */
export interface OpenWatch {
  api: FastifyInstance;
  sourceName: string;
  /** Begins to work. @throws FlotillaError HistoryUnavailable */
  start(): Promise<void>;
  /** Takes up what may change while it runs. */
  reconfigure(config: WatchConfig): void;
  /** Finishes what has begun. */
  stop(graceMs: number): Promise<void>;
}

/** How long notices that wait may still be tried when the daemon stops. */
const NOTICES_MS = 5_000;

/** The composition root of the daemon. @throws FlotillaError StateLocked, HistoryUnavailable, SourceUnreadable */
export async function openWatch(
  config: WatchConfig,
  { log, env }: { log: Logger; env: NodeJS.ProcessEnv },
): Promise<OpenWatch> {
  const state = await openStateDirectory(config.state);
  try {
    return await openIn(state, config, { log, env });
  } catch (error) {
    state.close();
    throw error;
  }
}

async function openIn(
  state: StateDirectory,
  config: WatchConfig,
  { log, env }: { log: Logger; env: NodeJS.ProcessEnv },
): Promise<OpenWatch> {
  const metrics = createMetrics({ version: readVersion() });
  const source = openSource(config, state, log);
  const store = await openSqliteStore(state.historyFile);
  const history = openWriter(store, metrics, log);
  const notices = openNotices(config, metrics, log);
  for (const status of await store.statuses()) for (const notice of toldBefore(status)) notices.toldBefore(notice);
  const openDriver = await loadDrivers(new Set(['local', 'agent']), { pki: config.pki, env });
  let settings = config;
  let watch: FleetWatch | null = null;
  const api = buildApi({
    registry: metrics.registry,
    health: () => healthOf(watch, history.isFailing()),
    webhooks: () => settings.webhooks,
    onPush({ provider, ref }) {
      // By the source that was begun with: another one takes a restart.
      if (mayConcern(config.source, ref)) watch?.trigger();
      else log.debug({ provider, ref }, 'push of what is not followed: the source is not read');
    },
    log,
  });
  return {
    api,
    sourceName: source.name,
    async start() {
      const deps: WatchDeps = {
        ...{ source, store, writer: history.writer, openDriver, renderer: createRenderer(), notifier: notices, log },
        ...{ observer: metrics.watch, queueObserver: metrics.queue },
        readConfirmed: () => readConfirmed(state.confirmFile),
        dropConfirmed: () => rm(state.confirmFile, { force: true }),
        ...{ now: () => new Date(), clock: createSystemClock(), random: Math.random, newId: randomUUID },
      };
      watch = await startFleetWatch(deps, toSettings(settings));
    },
    reconfigure(next) {
      settings = next;
      notices.reconfigure(next.notifications);
      watch?.reconfigure(toSettings(next));
    },
    async stop(graceMs) {
      await api.close();
      await watch?.stop(graceMs);
      await notices.close(NOTICES_MS);
      await store.close();
      state.close();
    },
  };
}

function openSource({ source }: WatchConfig, { sourceDirectory }: StateDirectory, log: Logger): Source {
  return source.kind === 'directory'
    ? createDirectorySource(source)
    : createGitSource({ config: source, directory: sourceDirectory, log });
}

function openWriter(store: Parameters<typeof createHistoryWriter>[0]['store'], { watch }: Metrics, log: Logger) {
  let failing = false;
  const writer = createHistoryWriter({
    // What was written last says whether it can be written now.
    store: {
      async write(batch) {
        await store.write(batch);
        failing = false;
      },
    },
    log,
    onFailed() {
      failing = true;
      watch.historyFailed();
    },
    onWaiting: watch.historyWaiting,
  });
  return { writer, isFailing: () => failing };
}

/** One notice a change, however often it is told. */
function openNotices({ notifications }: WatchConfig, { watch }: Metrics, log: Logger) {
  const notifier = createNotifier({ targets: notifications, log, onOutcome: watch.notified });
  const filter = createChangeFilter();
  return {
    ...notifier,
    toldBefore: filter.isChange,
    tell(notice: Parameters<typeof notifier.tell>[0]) {
      if (filter.isChange(notice)) notifier.tell(notice);
    },
  };
}

function healthOf(watch: FleetWatch | null, historyFails: boolean): Health {
  const reasons = [
    ...(watch?.reasons() ?? ['it has only just been started']),
    ...(historyFails ? ['history cannot be written: it waits in memory'] : []),
  ];
  return { live: true, ready: reasons.length === 0, reasons };
}

function toSettings({ concurrency, resync, shrinkTo, retentionMs }: WatchConfig): WatchSettings {
  return { concurrency, resync, shrinkTo, retentionMs };
}
