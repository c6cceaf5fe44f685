import type { FlotillaError } from '../../errors.js';
import type { WatchContext } from './watch-context.js';

/** Tells once that a host cannot be looked at, and once that it can be again. */
export interface HostTrouble {
  failed(host: string, error: Pick<FlotillaError, 'code' | 'message'>, instances: number): void;
  looked(host: string): void;
  isFailing(host: string): boolean;
  /** Hosts that are no more are forgotten. */
  keep(hosts: readonly string[]): void;
}

/** An agent that is only started again is back by the second look. */
const TOLD_AT = 2;

export function createHostTrouble(context: () => WatchContext): HostTrouble {
  /** Looks in a row that failed, by host. */
  const failures = new Map<string, number>();

  return {
    failed(host, { code, message }, instances) {
      const count = (failures.get(host) ?? 0) + 1;
      failures.set(host, count);
      if (count !== TOLD_AT) return;
      const text = `${message} (instances on it: ${instances})`;
      context().announce({ type: 'Warning', reason: code, message: text, host });
      context().notify({ ...ABOUT, host, kind: 'HostFailed', severity: 'warning', reason: code, message: text });
    },
    looked(host) {
      const count = failures.get(host) ?? 0;
      failures.delete(host);
      if (count < TOLD_AT) return;
      const message = 'the host can be looked at again';
      context().deps.log.info({ host }, message);
      context().announce({ type: 'Normal', reason: 'HostRecovered', message, host });
      context().notify({ ...ABOUT, host, kind: 'HostRecovered', severity: 'info', reason: 'Answering', message });
    },
    isFailing: (host) => failures.has(host),
    keep(hosts) {
      for (const host of failures.keys()) if (!hosts.includes(host)) failures.delete(host);
    },
  };
}

const ABOUT = { slug: null, fleet: null, revision: null, author: null, fromImageTag: null, toImageTag: null };
