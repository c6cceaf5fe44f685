import type { Logger } from '../log.js';
import type { AcceptedRevision, Decision, HistoryStore, Upgrade } from './history-store.js';
import type { InstanceStatus } from './instance-status.js';
import { createWaitingRows, type WaitingLimits, type WaitingRows } from './waiting-rows.js';
import { createWriteLoop } from './write-loop.js';

/** Rows of one transaction: it must not keep the process from other work for long. */
const BATCH_ROWS = 500;
const MAX_DECISIONS = 50_000;
/** Far more than a night brings. */
const MAX_UPGRADES = 10_000;

export interface HistoryWriterOptions {
  store: Pick<HistoryStore, 'write'>;
  log: Pick<Logger, 'info' | 'error'>;
  /** An attempt to write has failed. */
  onFailed(): void;
  /** How many upgrades and decisions wait, whenever that changes. */
  onWaiting(count: number): void;
  /** Decisions that are kept while nothing can be written; 50,000 by default. */
  maxWaiting?: number;
  /** Upgrades, likewise; 10,000 by default. */
  maxUpgrades?: number;
}

/**
 * What the daemon tells its history. Nothing here throws or rejects, and work must not wait on it: while the disk is full all
 * is kept in memory (statuses by slug, upgrades by id; the oldest decisions above `maxWaiting`, and upgrades that have ended
 * above `maxUpgrades`, are dropped and counted) and tried again every 1 to 30 s, so that a promise may be pending for days.
 */
export interface HistoryWriter {
  /** Resolves with true once it is on the disk, and with false when it was dropped. */
  recordUpgrade(upgrade: Upgrade): Promise<boolean>;
  recordDecision(decision: Decision): void;
  recordStatus(status: InstanceStatus): void;
  /** The instance is no more: removes its status. */
  forget(slug: string): void;
  /** Resolves once it is on the disk, with all statuses that were recorded until it is written. */
  recordAccepted(accepted: AcceptedRevision): Promise<void>;
  /** Tries at once, also between retries, for so long at most. Gives whether all is on the disk. */
  flush(timeoutMs: number): Promise<boolean>;
  /** Ends the retries; what still waits is lost, and so is what is recorded from now on. Leaves the store open. */
  close(): Promise<void>;
}

export function createHistoryWriter(options: HistoryWriterOptions): HistoryWriter {
  const waiting = createWaitingRows({
    decisions: options.maxWaiting ?? MAX_DECISIONS,
    upgrades: options.maxUpgrades ?? MAX_UPGRADES,
  });
  const loop = createWriteLoop(waiting.isEmpty, createRound(waiting, options));
  let closed = false;

  const add: WaitingRows['add'] = (row, onEnd) => {
    if (closed) return;
    waiting.add(row, onEnd);
    options.onWaiting(waiting.count());
    loop.wake();
  };
  return {
    recordUpgrade: (row) => new Promise((resolve) => add({ kind: 'upgrade', row }, resolve)),
    recordDecision: (row) => add({ kind: 'decision', row }),
    recordStatus: (row) => add({ kind: 'status', row }),
    forget: (row) => add({ kind: 'forgotten', row }),
    recordAccepted: (row) => new Promise((resolve) => add({ kind: 'accepted', row }, () => resolve())),
    flush: (timeoutMs) => loop.flush(timeoutMs),
    close() {
      closed = true;
      return loop.close();
    },
  };
}

/** Writes what waits, as far as it can; gives whether it could. */
function createRound(waiting: WaitingRows, options: HistoryWriterOptions): () => Promise<boolean> {
  const { store, log, onFailed, onWaiting } = options;
  /** In a row. */
  let failures = 0;
  return async () => {
    try {
      for (const portion of waiting.portions(BATCH_ROWS)) {
        await store.write(portion.batch);
        waiting.remove(portion);
        onWaiting(waiting.count());
        if (failures > 0) log.info({ failures }, 'history is written again');
        failures = 0;
        // Others have their turn.
        await new Promise((resolve) => setImmediate(resolve));
      }
    } catch (error) {
      failures += 1;
      onFailed();
      if (failures === 1) log.error({ err: error }, 'history cannot be written');
      return false;
    }
    const lost = waiting.takeLost();
    if (lost.decisions + lost.upgrades > 0) waiting.add({ kind: 'decision', row: historyLost(lost) });
    return true;
  };
}

function historyLost({ decisions, upgrades }: WaitingLimits): Decision {
  const count = (number: number, what: string) => (number > 0 ? [`${number} ${what}${number === 1 ? '' : 's'}`] : []);
  const what = [...count(decisions, 'decision'), ...count(upgrades, 'upgrade')].join(' and ');
  const verb = decisions + upgrades === 1 ? 'was' : 'were';
  return {
    at: new Date().toISOString(),
    slug: null,
    host: null,
    type: 'Warning',
    reason: 'HistoryLost',
    message: `${what} ${verb} not kept while the history could not be written`,
    revision: null,
  };
}
