import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import { type FleetWatch, startFleetWatch } from '../../../src/controller/watch/fleet-watch.js';
import type { WatchSettings } from '../../../src/controller/watch/watch-deps.js';
import type { WatchObserver } from '../../../src/controller/watch/watch-observer.js';
import { createHistoryWriter, type HistoryWriter } from '../../../src/history/history-writer.js';
import type { InstanceStatus } from '../../../src/history/instance-status.js';
import { createLogger } from '../../../src/log.js';
import type { Notice } from '../../../src/notify/notifier.js';
import { createRenderer } from '../../../src/render/create-renderer.js';
import { createDirectorySource } from '../../../src/source/directory-source.js';
import type { Snapshot, Source } from '../../../src/source/source.js';
import { createMemoryHistory, type MemoryHistory } from '../memory-history.js';
import { createSimClock, type SimClock } from './sim-clock.js';
import { createSimHost, type SimHost } from './sim-host.js';

/** A daemon over simulated hosts: real manifests and templates, real queue and loop, time that is told to pass. */
export interface SimFleet {
  clock: SimClock;
  history: MemoryHistory;
  notices: Notice[];
  /** Hosts that could be looked at, and all, as last counted. */
  hostCounts: { connected: number; total: number };
  /** Applies as the metrics count them, in order: `converged update`. */
  counted: string[];
  host(name: string): SimHost;
  /** Writes a manifest file; null removes it. The daemon hears of it with `push`. */
  write(file: string, text: string | null): void;
  read(file: string): string;
  /** An instance of one line. */
  instance(slug: string, spec?: string): void;
  template(text: string): void;
  /** Who committed what is read from now on. */
  commitAs(author: string): void;
  /** Tells the daemon to look, and lets it work until it has nothing to do now. */
  push(): Promise<void>;
  /** As `push`, but waits only until it has read. */
  look(): Promise<void>;
  start(settings?: Partial<WatchSettings>): Promise<FleetWatch>;
  /** Ends the daemon; what it remembers stays. */
  stop(): Promise<void>;
  confirm(revision: string | null): void;
  /** Whether the directory of manifests is away. */
  vanish(away: boolean): void;
  /** An earlier revision takes until the daemon stops. */
  delayPast(): void;
  /** The source has no earlier revision any more. */
  forgetPast(): void;
  status(slug: string): Promise<InstanceStatus | undefined>;
  /** `Ready=True:Converged`, joined by spaces. */
  conditions(slug: string): Promise<string>;
  /** Reasons of what was said, in order; of one instance, or of the fleet (null). */
  reasons(slug: string | null): Promise<string[]>;
  cleanUp(): Promise<void>;
}

const SETTINGS: WatchSettings = {
  concurrency: { total: 8, perHost: 2 },
  resync: { cron: '*/10 * * * *', timeZone: 'UTC', jitterMs: 60_000 },
  shrinkTo: 0.5,
  retentionMs: 90 * 24 * 3_600_000,
};

export const COMPOSE = 'services:\n  web: { image: "web:{{imageTag}}" }\n';

export function createSimFleet(): SimFleet {
  const directory = mkdtempSync(join(tmpdir(), 'flotilla-sim-'));
  const [manifests, templates] = [join(directory, 'manifests'), join(directory, 'templates')];
  mkdirSync(manifests);
  mkdirSync(join(templates, 'web/files'), { recursive: true });
  const clock = createSimClock();
  const history = createMemoryHistory();
  const hosts = new Map<string, SimHost>();
  const notices: Notice[] = [];
  const counted: string[] = [];
  let confirmed: string | null = null;
  let author: string | null = null;
  let daemon: FleetWatch | null = null;
  let ids = 0;
  let writer: HistoryWriter | null = null;
  const past = new Map<string, Snapshot>();
  let isPastSlow = false;
  const reads = { begun: 0, ended: 0 };

  const host = (name: string): SimHost => {
    const known = hosts.get(name) ?? createSimHost(name, clock.now);
    hosts.set(name, known);
    return known;
  };
  const write = (file: string, text: string | null) =>
    text === null ? rmSync(join(manifests, file), { force: true }) : writeFileSync(join(manifests, file), text);

  writeFileSync(
    join(templates, 'web/template.yaml'),
    'apiVersion: flotilla.dev/v1\nkind: Template\nmetadata: { name: web }\nspec: { compose: docker-compose.yml }\n',
  );
  const template = (text: string) => writeFileSync(join(templates, 'web/files/docker-compose.yml.mustache'), text);
  template(COMPOSE);
  for (const name of ['east', 'west'])
    write(
      `host-${name}.yaml`,
      `apiVersion: flotilla.dev/v1\nkind: Host\nmetadata: { name: ${name} }\nspec: { agent: "https://${name}.example.org" }\n`,
    );

  /** Until nothing is left to do now: no read under way, all that follows from it done, all history written. */
  async function settle(): Promise<void> {
    for (let quiet = 0; quiet < 3; ) {
      await clock.settle();
      quiet = reads.begun === reads.ended ? quiet + 1 : 0;
    }
    await writer?.flush(60_000);
  }

  const fleet: SimFleet = {
    clock: {
      ...clock,
      advance: async (ms) => {
        await clock.advance(ms);
        await settle();
      },
    },
    history,
    notices,
    hostCounts: { connected: 0, total: 0 },
    counted,
    host,
    write,
    read: (file) => readFileSync(join(manifests, file), 'utf8'),
    instance: (slug, spec = 'host: east, template: web, imageTag: v1') =>
      write(
        `${slug}.yaml`,
        `apiVersion: flotilla.dev/v1\nkind: Instance\nmetadata: { name: ${slug} }\nspec: { ${spec} }\n`,
      ),
    template,
    commitAs(name) {
      author = name;
    },
    async push() {
      await fleet.look();
      await settle();
    },
    async look() {
      const { begun } = reads;
      daemon?.trigger();
      do await clock.settle();
      while (reads.begun === begun || reads.ended < reads.begun);
      await clock.settle();
    },
    async start(settings = {}) {
      const source = createDirectorySource({ manifests, templates });
      // What is nothing new is the same object as before.
      const signed = new WeakMap<Snapshot, Snapshot>();
      const read: Source['read'] = async (options) => {
        reads.begun += 1;
        try {
          const read = await source.read(options);
          const snapshot = signed.get(read) ?? { ...read, author };
          signed.set(read, snapshot);
          past.set(snapshot.revision, snapshot);
          return snapshot;
        } finally {
          reads.ended += 1;
        }
      };
      const { begun } = reads;
      const log = await createLogger({ level: 'fatal' as 'error', pretty: false });
      writer = createHistoryWriter({ store: history, log, onFailed: () => undefined, onWaiting: () => undefined });
      daemon = await startFleetWatch(
        {
          source: {
            name: source.name,
            read,
            async readAt(revision, { signal }) {
              if (isPastSlow) await new Promise((resolve) => signal.addEventListener('abort', resolve));
              signal.throwIfAborted();
              return past.get(revision) ?? null;
            },
            watch: async () => undefined,
          },
          store: history,
          writer,
          openDriver: ({ name }) => host(name).driver(),
          renderer: createRenderer(),
          notifier: { tell: (notice) => notices.push(notice) },
          observer: {
            ...silentObserver(),
            hosts: (counts) => Object.assign(fleet.hostCounts, counts),
            upgraded: ({ result, cause }) => counted.push(`${result} ${cause}`),
          },
          queueObserver: {
            ...{ added: () => {}, retried: () => {}, started: () => {}, finished: () => {} },
            depth: () => {},
          },
          log,
          readConfirmed: async () => confirmed,
          dropConfirmed: async () => {
            confirmed = null;
          },
          now: clock.now,
          clock,
          random: () => 0.5,
          newId: () => `pass-${++ids}`,
        },
        { ...SETTINGS, ...settings },
      );
      while (reads.begun === begun) await clock.settle();
      await settle();
      return daemon;
    },
    async stop() {
      await daemon?.stop(1_000);
      daemon = null;
    },
    vanish: (away) => (away ? renameSync(manifests, `${manifests}.away`) : renameSync(`${manifests}.away`, manifests)),
    delayPast() {
      isPastSlow = true;
    },
    forgetPast: () => past.clear(),
    confirm(revision) {
      confirmed = revision;
    },
    status: async (slug) => (await history.statuses({ slugs: [slug] }))[0],
    async conditions(slug) {
      const status = await fleet.status(slug);
      return (status?.conditions ?? [])
        .map(({ type, status: value, reason }) => `${type}=${value}:${reason}`)
        .join(' ');
    },
    async reasons(slug) {
      return (await history.decisions({ limit: 1_000 }))
        .filter((each) => each.slug === slug)
        .map(({ reason }) => reason);
    },
    async cleanUp() {
      await fleet.stop();
      rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
    },
  };
  return fleet;
}

function silentObserver(): WatchObserver {
  const observer = {
    reconciled: vi.fn(),
    upgraded: vi.fn(),
    driftSeen: vi.fn(),
    sourceRead: vi.fn(),
    instances: vi.fn(),
    hosts: vi.fn(),
    problems: vi.fn(),
    historyFailed: vi.fn(),
    historyWaiting: vi.fn(),
    notified: vi.fn(),
  };
  return observer;
}
