import { isDeepStrictEqual } from 'node:util';
import type { WatchConfig } from './watch-config.js';

/** Settings that are other than before, by their names in the file; sorted as there. */
export interface Reload {
  applied: string[];
  needsRestart: string[];
}

/** What reading the configuration again changes at once, and what only a restart changes. Pure; names only, no value. */
export function describeReload(before: WatchConfig, after: WatchConfig): Reload {
  const changed = SETTINGS.filter(({ of }) => !isDeepStrictEqual(of(before), of(after)));
  const names = (restart: boolean) => changed.filter((each) => each.restart === restart).map(({ name }) => name);
  return { applied: names(false), needsRestart: names(true) };
}

interface Setting {
  name: string;
  restart: boolean;
  of(config: WatchConfig): unknown;
}

const SETTINGS: readonly Setting[] = [
  { name: 'source', restart: true, of: ({ source }) => source },
  { name: 'state', restart: true, of: ({ state }) => state },
  { name: 'pki', restart: true, of: ({ pki }) => pki },
  { name: 'listen', restart: true, of: ({ listen }) => listen },
  { name: 'concurrency', restart: false, of: ({ concurrency }) => concurrency },
  { name: 'resync', restart: false, of: ({ resync }) => resync },
  { name: 'shrinkTo', restart: false, of: ({ shrinkTo }) => shrinkTo },
  { name: 'history.retention', restart: false, of: ({ retentionMs }) => retentionMs },
  { name: 'webhooks', restart: false, of: ({ webhooks }) => webhooks },
  { name: 'notifications', restart: false, of: ({ notifications }) => notifications },
  { name: 'log.level', restart: false, of: ({ logLevel }) => logLevel },
];
