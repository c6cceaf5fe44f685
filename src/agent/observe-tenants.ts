import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { ObserveRequest } from '../agent-client/tenant-driver.js';
import { FlotillaError } from '../errors.js';
import type { ObservedService, ObservedTenant } from '../plan/observed.js';
import { type ContainerIndex, indexContainers } from './container-index.js';
import type { EngineContainer } from './engine/engine-containers.js';
import { resolveTenant, STATE_DIRECTORY } from './files/confine.js';
import { lockInode, readLockHolders } from './lock/lock-holder.js';
import { type Stamp, takeStamp } from './observation-memory.js';
import { type AppliedRecord, type RecordedService, readRecord, toAppliedView } from './state/applied-record.js';
import { hasJournal } from './state/journal-format.js';
import { readFailure } from './state/last-failure.js';
import type { TenantHost } from './tenant-host.js';

interface ObserveOptions {
  /** False: the engine is not asked. */
  containers: boolean;
  signal?: AbortSignal;
}

/**
 * Looks at all asked instances of this host: one Engine API call for the containers of all of them, one read of the
 * kernel's locks, and the files that are managed. Writes nothing.
 *
 * @returns one answer for each request, in the same order; a tenant that cannot be observed carries its `error`
 */
export async function observeTenants(
  host: TenantHost,
  requests: readonly ObserveRequest[],
  options: ObserveOptions,
): Promise<ObservedTenant[]> {
  const containers = options.containers ? await listContainers(host, requests.length, options.signal) : null;
  const seen: Seen[] = [];
  for (const request of requests) {
    seen.push(await observeTenant(host, request, containers).catch((error) => unobservable(request, error)));
  }
  const holders = readLockHolders(seen.map(({ observed, lock }) => ({ tenantDir: observed.directory, inode: lock })));
  return seen.map(({ observed }, i) => (holders[i] ? { ...observed, lockedBy: holders[i] } : observed));
}

interface Seen {
  observed: ObservedTenant;
  /** The inode of its lock file; left out when it is not known. */
  lock?: string | null;
}

type Containers = ContainerIndex | FlotillaError | null;

async function listContainers(
  host: TenantHost,
  questions: number,
  signal: AbortSignal | undefined,
): Promise<Containers> {
  try {
    return indexContainers(await host.engine.listProjectContainers(signal ? { signal } : {}), questions);
  } catch (error) {
    if (error instanceof FlotillaError) return error;
    throw error;
  }
}

/** The same object as before where nothing has changed: that costs one lstat a path, and no other look at the disk. */
async function observeTenant(host: TenantHost, request: ObserveRequest, containers: Containers): Promise<Seen> {
  if (containers instanceof FlotillaError) {
    await resolveTenant(host.config.root, request.directory);
    throw containers;
  }
  // A look at files alone is a preview's, which is not repeated.
  if (containers === null) {
    const directory = await resolveTenant(host.config.root, request.directory);
    return { observed: await look(host, request, directory, null, () => undefined) };
  }
  const key = [request.slug, request.project, request.directory, ...request.paths].join('\0');
  const known = host.memory.recall(key);
  if (known) {
    const around = stacksAround(containers, request.project, known.observed.directory, known.real);
    if (fingerprintOf(around) === known.containers) return known;
  }
  const directory = await resolveTenant(host.config.root, request.directory);
  const real = realPathOf(directory);
  const around = stacksAround(containers, request.project, directory, real);
  const stamps: Stamp[] = [];
  const observed = await look(host, request, directory, around, (path) => stamps.push(takeStamp(path)));
  const lock = lockInode(directory);
  if (observed.applied) host.memory.keep(key, { observed, real, containers: fingerprintOf(around), stamps, lock });
  return { observed };
}

/** @param onPath told of each path before anything there is read */
async function look(
  host: TenantHost,
  request: ObserveRequest,
  directory: string,
  around: Around | null,
  onPath: (path: string) => void,
): Promise<ObservedTenant> {
  onPath(join(directory, STATE_DIRECTORY));
  const exists = existsSync(directory);
  const record = exists ? readRecord(directory) : null;
  const failure = exists ? readFailure(directory) : null;
  const paths = [...new Set([...request.paths, ...(record?.files.map((file) => file.path) ?? [])])];
  for (const path of paths) onPath(`${directory}/${path}`);
  return {
    slug: request.slug,
    directory,
    exists,
    files: exists
      ? await host.hasher.observeFiles(directory, paths)
      : paths.map((path) => ({ path, sha256: null, mode: null })),
    applied: record && { ...toAppliedView(record), lastFailure: failure },
    lastFailure: failure,
    services: around ? toServices(around.own, record) : [],
    engine: around !== null,
    otherProjects: around ? distinct(around.others, ({ project }) => project) : [],
    otherDirectories: around ? distinct(around.elsewhere, ({ workingDir }) => workingDir) : [],
    lockedBy: null,
    interrupted: exists && hasJournal(directory),
    error: null,
  };
}

function toServices(containers: readonly EngineContainer[], record: AppliedRecord | null): ObservedService[] {
  const recorded = new Map(record?.services.map((service) => [service.name, service]));
  const names = new Set([...recorded.keys(), ...containers.map((container) => container.service)]);
  return [...names].sort().map((name) => {
    const known = recorded.get(name);
    const own = containers.filter((container) => container.service === name);
    return {
      name,
      recorded: known ? { count: known.count, completed: known.completed || hasEndedWell(known, own) } : null,
      containers: own.map(({ state, health, exitCode, imageId, configHash }) => ({
        state,
        health,
        exitCode,
        differs: [
          ...(known && !known.imageIds.includes(imageId) ? (['image'] as const) : []),
          ...(known && !known.configHashes.includes(configHash) ? (['config'] as const) : []),
        ],
      })),
    };
  });
}

/** A one-shot that still ran when it was recorded. One whose container was pruned has ended; how, nobody can tell any more. */
function hasEndedWell({ oneShot }: RecordedService, containers: readonly EngineContainer[]): boolean {
  return oneShot === true && containers.every(({ state, exitCode }) => state === 'exited' && exitCode === 0);
}

interface Around {
  own: readonly EngineContainer[];
  /** Of other projects, brought up from this directory. */
  others: readonly EngineContainer[];
  /** Of our project, brought up from another directory. */
  elsewhere: readonly EngineContainer[];
}

/** Our containers, and those that bringing this stack up would collide with. */
function stacksAround(containers: ContainerIndex, project: string, directory: string, real: string): Around {
  const own = containers.ofProject(project);
  const inside = [...containers.inDirectory(directory), ...(real === directory ? [] : containers.inDirectory(real))];
  return {
    own,
    others: inside.filter((container) => container.project !== project),
    elsewhere: own.filter(({ workingDir }) => workingDir !== directory && workingDir !== real),
  };
}

function fingerprintOf(around: Around): string {
  return around.own.length === 0 && around.others.length === 0 ? '' : JSON.stringify(around);
}

function realPathOf(directory: string): string {
  try {
    return realpathSync.native(directory);
  } catch {
    return directory;
  }
}

function distinct(containers: readonly EngineContainer[], of: (container: EngineContainer) => string): string[] {
  return [...new Set(containers.map(of))].sort();
}

function unobservable(request: ObserveRequest, error: unknown): Seen {
  if (!(error instanceof FlotillaError)) throw error;
  const observed: ObservedTenant = {
    slug: request.slug,
    directory: request.directory,
    exists: false,
    files: [],
    applied: null,
    services: [],
    engine: false,
    otherProjects: [],
    otherDirectories: [],
    lockedBy: null,
    interrupted: false,
    error: {
      code: error.code,
      message: `${request.slug}: ${error.message}`,
      ...(error.hint !== undefined && { hint: error.hint }),
    },
  };
  return { observed };
}
