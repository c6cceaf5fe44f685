import { FlotillaError } from '../../errors.js';
import type { ContainerState } from '../../plan/observed.js';
import type { HostConfig } from '../host.js';
import { type EngineContainer, parseContainerList } from './engine-containers.js';
import { type ContainerEvent, openEngineEvents } from './engine-events.js';
import { removeNetworks } from './engine-networks.js';
import { type EngineAddress, requestEngine } from './engine-request.js';
import { labelFilter } from './label-filter.js';

/** One container as the engine describes it: what `containers/json` does not say. */
export interface ContainerDetail {
  id: string;
  state: ContainerState;
  /** How often the engine has started it again by its restart policy. */
  restartCount: number;
  /** ISO 8601. */
  createdAt: string;
  /** As the engine writes it; `0001-01-01T00:00:00Z` when it was never started. */
  startedAt: string;
  exitCode: number;
  health: 'healthy' | 'unhealthy' | 'starting' | null;
  /** Of the last run of its health command; the output of that command stays in the engine. */
  lastHealthExit: number | null;
}

export interface EngineCall {
  signal?: AbortSignal;
}

/** The Docker Engine of this host. All methods throw FlotillaError: EngineUnreachable, TimedOut, Cancelled. */
export interface EngineApi {
  /** All containers of compose projects in one call, or those of one project; those of `compose run` only with `oneOff`. */
  listProjectContainers(options?: EngineCall & { project?: string; oneOff?: boolean }): Promise<EngineContainer[]>;
  /** null when there is no such container any more. */
  inspectContainer(id: string, options?: EngineCall): Promise<ContainerDetail | null>;
  /** Stops each within its own grace period and removes it; its volumes stay. Containers that are gone are fine. */
  stopAndRemove(ids: readonly string[], options: EngineCall & { timeoutMs: number }): Promise<void>;
  /** Removes the networks of a compose project. @returns the names of those that stay because others are connected to them */
  removeProjectNetworks(project: string, options: EngineCall & { timeoutMs: number }): Promise<string[]>;
  /** Such as `{ engine: '20.10.24', api: '1.41' }`. */
  version(options?: EngineCall): Promise<{ engine: string; api: string }>;
  /**
   * What happens to the containers of compose projects from now on; resolves when the engine has begun to tell. The
   * stream ends when the engine closes it, and throws when it breaks: then list again.
   */
  events(options?: EngineCall): Promise<AsyncIterable<ContainerEvent>>;
  /** Waits for calls that are under way; end streams of events before. */
  close(): Promise<void>;
}

const READ_TIMEOUT_MS = 15_000;

/** Connects when first used; connections are kept alive until `close`. */
export function createEngineApi(host: Pick<HostConfig, 'dockerHost'>): EngineApi {
  const socketPath = socketOf(host.dockerHost);
  let opened: Promise<EngineAddress> | undefined;
  const open = () => {
    opened ??= openEngine(host.dockerHost, socketPath);
    return opened;
  };
  const get = async (path: string, options: EngineCall = {}) =>
    requestEngine(await open(), 'GET', path, { timeoutMs: READ_TIMEOUT_MS, ...options });

  return {
    async listProjectContainers({ project, oneOff = false, ...options } = {}) {
      const answer = await get(`/containers/json?all=1&${labelFilter(project)}`, options);
      return parseContainerList(answer.body, { oneOff });
    },
    async inspectContainer(id, options) {
      const answer = await get(`/containers/${encodeURIComponent(id)}/json`, options);
      return answer.status === 404 ? null : parseDetail(id, answer.body);
    },
    async stopAndRemove(ids, options) {
      const engine = await open();
      await Promise.all(ids.map((id) => stopAndRemoveOne(engine, id, options)));
    },
    removeProjectNetworks: async (project, options) => removeNetworks(await open(), project, options),
    async version(options) {
      const body = asObject((await get('/version', options)).body);
      return { engine: String(body.Version ?? ''), api: String(body.ApiVersion ?? '') };
    },
    events: async (options) => openEngineEvents(await open(), options?.signal),
    close: async () => (await opened)?.dispatcher.close(),
  };
}

/** Loads undici only now: a preview of files asks no engine. */
async function openEngine(dockerHost: string, socketPath: string): Promise<EngineAddress> {
  const { Agent } = await import('undici');
  return { dispatcher: new Agent({ connect: { socketPath }, connections: 8, keepAliveTimeout: 30_000 }), dockerHost };
}

function socketOf(dockerHost: string): string {
  if (dockerHost.startsWith('unix://')) return dockerHost.slice('unix://'.length);
  throw new FlotillaError('EngineUnreachable', 'the engine of a host is reached through its unix socket only', {
    hint: 'Set DOCKER_HOST to unix:///..., and run an agent on each machine that has an engine.',
  });
}

async function stopAndRemoveOne(engine: EngineAddress, id: string, options: EngineCall & { timeoutMs: number }) {
  const path = `/containers/${encodeURIComponent(id)}`;
  await requestEngine(engine, 'POST', `${path}/stop`, options);
  await requestEngine(engine, 'DELETE', `${path}?force=1`, options);
}

function parseDetail(id: string, body: unknown): ContainerDetail {
  const container = asObject(body);
  const state = asObject(container.State);
  const health = state.Health === undefined || state.Health === null ? null : asObject(state.Health);
  const log = Array.isArray(health?.Log) ? health.Log : [];
  const lastExit = log.length === 0 ? undefined : asObject(log.at(-1)).ExitCode;
  return {
    id,
    state: String(state.Status) as ContainerState,
    restartCount: Number(container.RestartCount ?? 0),
    createdAt: String(container.Created ?? ''),
    startedAt: String(state.StartedAt ?? ''),
    exitCode: Number(state.ExitCode ?? 0),
    health: healthOf(health?.Status),
    lastHealthExit: typeof lastExit === 'number' ? lastExit : null,
  };
}

function healthOf(status: unknown): ContainerDetail['health'] {
  return status === 'healthy' || status === 'unhealthy' || status === 'starting' ? status : null;
}

function asObject(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  throw new FlotillaError('EngineUnreachable', 'the Docker Engine gave an answer that cannot be understood');
}
