import type { TenantDriver } from '../../agent-client/tenant-driver.js';
import type { HistoryStore } from '../../history/history-store.js';
import type { HistoryWriter } from '../../history/history-writer.js';
import type { Logger } from '../../log.js';
import type { DesiredHost } from '../../manifest/desired-state.js';
import type { Notifier } from '../../notify/notifier.js';
import type { Renderer } from '../../render/create-renderer.js';
import type { Source } from '../../source/source.js';
import type { QueueClock, QueueObserver } from '../queue/work-queue.js';
import type { WatchObserver } from './watch-observer.js';

/** What may be changed while the daemon runs. */
export interface WatchSettings {
  concurrency: { total: number; perHost: number };
  resync: { cron: string; timeZone: string; jitterMs: number };
  /** A revision that leaves fewer than this part (0 to 1) of the instances is refused until it is confirmed. */
  shrinkTo: number;
  retentionMs: number;
}

export interface WatchDeps {
  source: Source;
  store: Pick<HistoryStore, 'statuses' | 'running' | 'prune' | 'accepted'>;
  writer: HistoryWriter;
  /** @throws FlotillaError when there is no way to the host */
  openDriver(host: DesiredHost): TenantDriver;
  renderer: Renderer;
  notifier: Pick<Notifier, 'tell'>;
  observer: WatchObserver;
  queueObserver: QueueObserver;
  log: Logger;
  /** The revision that an operator has confirmed; null when none was. */
  readConfirmed(): Promise<string | null>;
  /** It was taken: a confirmation is good for once. */
  dropConfirmed(): Promise<void>;
  now(): Date;
  clock: QueueClock;
  random(): number;
  newId(): string;
}
