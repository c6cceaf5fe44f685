import { Agent } from 'undici';
import type { NotificationConfig } from '../config/watch-config.js';
import type { Logger } from '../log.js';
import { createOutlet, type NoticeOutcome, type Outlet } from './create-outlet.js';
import type { Notifier } from './notifier.js';

export interface NotifierOptions {
  /** Their templates have passed `checkNoticeTemplate`. */
  targets: readonly NotificationConfig[];
  log: Logger;
  /** Once for each notice and target that wants it. */
  onOutcome(outcome: NoticeOutcome): void;
  /** Waits between attempts, doubling from the first. */
  backoff?: { firstMs: number; mostMs: number };
  /** How many notices wait for one target at most; the oldest are dropped. */
  limit?: number;
}

export interface ReconfigurableNotifier extends Notifier {
  /** What waits for a target that is no more is still sent, for a while. A target that stays as it was notices nothing. */
  reconfigure(targets: readonly NotificationConfig[]): void;
}

const CONNECT_MS = 10_000;
/** For a target that is configured no more. */
const PARTING_MS = 15_000;

/** Sends notices over HTTP to any number of targets, each on its own: one that does not answer holds up no other. */
export function createNotifier(options: NotifierOptions): ReconfigurableNotifier {
  const { backoff = { firstMs: 1_000, mostMs: 15_000 }, limit = 1_000, log, onOutcome } = options;
  const dispatcher = new Agent({ connect: { timeout: CONNECT_MS } });
  let outlets: { key: string; outlet: Outlet }[] = [];
  const parting = new Map<Promise<void>, Outlet>();

  function reconfigure(targets: readonly NotificationConfig[]): void {
    const before = [...outlets];
    outlets = targets.map((target) => {
      const key = keyOf(target);
      const same = before.findIndex((one) => one.key === key);
      const kept = same === -1 ? undefined : before.splice(same, 1)[0];
      return kept ?? { key, outlet: createOutlet(target, { log, onOutcome, dispatcher, backoff, limit }) };
    });
    for (const { outlet } of before) {
      const parted = outlet.close(PARTING_MS).finally(() => parting.delete(parted));
      parting.set(parted, outlet);
    }
  }

  async function close(patienceMs: number): Promise<void> {
    const all = [...outlets.map(({ outlet }) => outlet), ...parting.values()];
    await Promise.all(all.map((outlet) => outlet.close(patienceMs)));
    await dispatcher.destroy();
  }

  reconfigure(options.targets);
  return {
    tell: (notice) => {
      for (const { outlet } of outlets) outlet.offer(notice);
    },
    close,
    reconfigure,
  };
}

function keyOf({ type, url, headers, template, atLeast }: NotificationConfig): string {
  return JSON.stringify([type, url, Object.entries(headers).sort(), template, atLeast]);
}
