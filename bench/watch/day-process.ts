// A daemon over simulated hosts for 24 simulated hours: `node --expose-gc day-process.ts MANIFESTS TEMPLATES HISTORY`. Its loop,
// its queue, its reading of desired state and its history are the real ones.
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createMetrics } from '../../src/api/create-metrics.js';
import { startFleetWatch } from '../../src/controller/watch/fleet-watch.js';
import type { WatchDeps } from '../../src/controller/watch/watch-deps.js';
import { createHistoryWriter } from '../../src/history/history-writer.js';
import { openSqliteStore } from '../../src/history/sqlite/open-sqlite-store.js';
import { createLogger } from '../../src/log.js';
import { createRenderer } from '../../src/render/create-renderer.js';
import { createDirectorySource } from '../../src/source/directory-source.js';
import type { Snapshot, Source } from '../../src/source/source.js';
import { createSimClock } from '../../test/support/sim/sim-clock.js';
import { createSimHost, type SimHost } from '../../test/support/sim/sim-host.js';
import type { DayReport } from './day.js';

const [manifests = '', templates = '', historyFile = ''] = process.argv.slice(2);
const HOURS = 24;
const HOUR_MS = 3_600_000;
/** Always the same ones: a simulated tenant keeps what it was before its last apply, which is no memory of the daemon. */
const CHANGED = 100;
const DRIFTING = 100;

const clock = createSimClock();
const hosts = new Map<string, SimHost>();
let read = true;

function hostNamed(name: string): SimHost {
  const host = hosts.get(name) ?? createSimHost(name, clock.now);
  hosts.set(name, host);
  return host;
}

/** Reads when there was a commit, and not at each look: a git source knows the commit, too, and reads nothing then. */
function createSource(): Source {
  const source = createDirectorySource({ manifests, templates });
  let last: Snapshot | undefined;
  return {
    name: source.name,
    readAt: async () => null,
    watch: async () => undefined,
    async read(options) {
      if (last && !read) return last;
      read = false;
      last = await source.read(options);
      return last;
    },
  };
}

const log = await createLogger({ level: 'error', pretty: false });
const metrics = createMetrics({ version: '0' });
const store = await openSqliteStore(historyFile);
const writer = createHistoryWriter({ store, log, onFailed: () => undefined, onWaiting: metrics.watch.historyWaiting });
let ids = 0;
const deps: WatchDeps = {
  source: createSource(),
  store,
  writer,
  openDriver: ({ name }) => hostNamed(name).driver(),
  renderer: createRenderer(),
  notifier: { tell: () => undefined },
  observer: metrics.watch,
  queueObserver: metrics.queue,
  log,
  dropConfirmed: async () => undefined,
  readConfirmed: async () => null,
  now: clock.now,
  clock,
  random: Math.random,
  newId: () => `pass-${++ids}`,
};
const daemon = await startFleetWatch(deps, {
  concurrency: { total: 32, perHost: 4 },
  resync: { cron: '*/10 * * * *', timeZone: 'UTC', jitterMs: 60_000 },
  shrinkTo: 0.5,
  retentionMs: 90 * 24 * HOUR_MS,
});

const slugs = Array.from({ length: 10_000 }, (_, i) => `tenant-${String(i).padStart(5, '0')}`);
const hostOf = (i: number) => hostNamed(`host-${String(i % 100).padStart(3, '0')}`);
let forgotten = 0;
const applies = () => [...hosts.values()].reduce((sum, host) => sum + host.applies.length, forgotten);

await until(() => applies() >= slugs.length);
const heapMiB: number[] = [];
await hour(0);
for (let number = 1; number <= HOURS; number += 1) {
  await hour(number);
  heapMiB.push(await heldMiB());
  process.stderr.write(`hour ${number}: ${heapMiB.at(-1)?.toFixed(1)} MiB\n`);
}
const observations = [...hosts.values()].reduce((sum, host) => sum + host.observed(), 0);
await daemon.stop(0);
await store.close();
process.once('disconnect', () => process.exit());
process.send?.({ heapMiB, applies: applies(), observations } satisfies DayReport);

async function hour(number: number): Promise<void> {
  const before = applies();
  for (let i = 0; i < CHANGED; i += 1) setTag(slugs[i] as string, `v3.${number}`);
  read = true;
  daemon.trigger();
  await until(() => applies() >= before + CHANGED);
  for (let i = CHANGED; i < CHANGED + DRIFTING; i += 1) {
    if (i % 2 === 0) hostOf(i).kill(slugs[i] as string);
    else hostOf(i).edit(slugs[i] as string, 'nginx/nginx.conf');
  }
  await until(() => applies() >= before + CHANGED + DRIFTING);
  await clock.advance(HOUR_MS);
}

function setTag(slug: string, imageTag: string): void {
  const file = join(manifests, 'instances', `${slug}.yaml`);
  writeFileSync(file, readFileSync(file, 'utf8').replace(/^ {2}imageTag: .*\n/m, ''));
  appendFileSync(file, `  imageTag: ${imageTag}\n`);
}

/** Files are read in real time: time passes slowly until it is done. */
async function until(isDone: () => boolean): Promise<void> {
  const deadline = performance.now() + 10 * 60_000;
  while (!isDone()) {
    if (performance.now() > deadline) throw new Error('the simulated fleet did not come to rest');
    await clock.advance(50);
  }
}

async function heldMiB(): Promise<number> {
  forgetApplies();
  if (!(await writer.flush(60_000))) throw new Error('history could not be written');
  await clock.settle();
  for (let i = 0; i < 3; i += 1) globalThis.gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

/** What simulated hosts write down is no memory of the daemon. */
function forgetApplies(): void {
  forgotten = applies();
  for (const { applies: list } of hosts.values()) list.length = 0;
}
