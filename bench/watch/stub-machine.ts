import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Compose, ComposeProject } from '../../src/agent/compose/compose-cli.js';
import type { EngineApi } from '../../src/agent/engine/engine-api.js';
import type { EngineContainer } from '../../src/agent/engine/engine-containers.js';
import type { ContainerEvent } from '../../src/agent/engine/engine-events.js';
import { createStream, type Stream } from './stream.js';
import { COMPOSE_VERSION, CONFIG_HASH, IMAGE_ID, SERVICE, stubConfig } from './stub-model.js';

export interface StubMachine {
  engine: EngineApi;
  compose: Compose;
  /** The container of this project ends, and the engine tells of it. */
  kill(project: string): void;
}

/**
 * An engine and a compose client in memory, which take no time: one running container for each directory below `root`. What is
 * measured is then what Flotilla does, and not what containers cost.
 *
 * @param onUp the container of a project is brought up
 */
export function createStubMachine(root: string, onUp: (project: string) => void): StubMachine {
  const containers = new Map<string, EngineContainer>();
  const streams = new Set<Stream<ContainerEvent>>();
  let made = 0;
  for (const slug of readdirSync(root)) start(slug, join(root, slug));

  function start(project: string, workingDir: string): void {
    const id = `${project}-${++made}`;
    containers.set(project, { ...RUNNING, id, project, workingDir });
  }

  function tell(project: string, ...actions: string[]): void {
    for (const action of actions) for (const stream of streams) stream.push({ project, service: SERVICE, action });
  }

  async function up({ project, directory }: ComposeProject): Promise<void> {
    onUp(project);
    start(project, directory);
    tell(project, 'create', 'start');
  }

  const of = (project: string | undefined) =>
    [...containers.values()].filter((each) => project === undefined || each.project === project);
  return {
    engine: {
      listProjectContainers: async ({ project } = {}) => of(project),
      inspectContainer: async (id) => {
        const container = of(undefined).find((each) => each.id === id);
        return container ? { ...DETAIL, id, state: container.state, exitCode: container.exitCode ?? 0 } : null;
      },
      stopAndRemove: async () => undefined,
      removeProjectNetworks: async () => [],
      version: async () => ({ engine: '20.10.24', api: '1.41' }),
      events: async ({ signal } = {}) => {
        const stream = createStream<ContainerEvent>();
        streams.add(stream);
        signal?.addEventListener('abort', () => streams.delete(stream) && stream.end(), { once: true });
        return stream;
      },
      close: async () => undefined,
    },
    compose: {
      config: async ({ project, directory, files }) =>
        stubConfig(project, directory, readFileSync(join(directory, files[0] ?? ''), 'utf8')),
      pull: async () => undefined,
      up,
      upForceRecreate: up,
      restart: async () => undefined,
      signal: async () => undefined,
      version: async () => COMPOSE_VERSION,
    },
    kill(project) {
      const container = containers.get(project);
      if (container) containers.set(project, { ...container, state: 'exited', exitCode: 137 });
      tell(project, 'kill', 'die');
    },
  };
}

const RUNNING = {
  service: SERVICE,
  number: 1,
  configHash: CONFIG_HASH,
  imageId: IMAGE_ID,
  image: 'nginx',
  state: 'running',
  health: null,
  exitCode: null,
} as const;

const DETAIL = {
  restartCount: 0,
  createdAt: '2026-01-01T00:00:00Z',
  startedAt: '2026-01-01T00:00:00Z',
  health: null,
  lastHealthExit: null,
} as const;
