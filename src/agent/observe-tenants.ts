import { existsSync, realpathSync } from 'node:fs';
import type { ObserveRequest } from '../agent-client/tenant-driver.js';
import { FlotillaError } from '../errors.js';
import type { ObservedService, ObservedTenant } from '../plan/observed.js';
import type { EngineContainer } from './engine/engine-containers.js';
import { resolveTenant } from './files/confine.js';
import { readLockHolders } from './lock/lock-holder.js';
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
  const containers = options.containers ? await listContainers(host, options.signal) : null;
  const observed: ObservedTenant[] = [];
  for (const request of requests) {
    observed.push(await observeTenant(host, request, containers).catch((error) => unobservable(request, error)));
  }
  const holders = readLockHolders(observed.map((tenant) => tenant.directory));
  return observed.map((tenant, i) => ({ ...tenant, lockedBy: holders[i] ?? null }));
}

type Containers = readonly EngineContainer[] | FlotillaError | null;

async function listContainers(host: TenantHost, signal: AbortSignal | undefined): Promise<Containers> {
  try {
    return await host.engine.listProjectContainers(signal ? { signal } : {});
  } catch (error) {
    if (error instanceof FlotillaError) return error;
    throw error;
  }
}

async function observeTenant(
  host: TenantHost,
  request: ObserveRequest,
  containers: Containers,
): Promise<ObservedTenant> {
  const directory = await resolveTenant(host.config.root, request.directory);
  const base = { slug: request.slug, directory, otherProjects: [], otherDirectories: [], lockedBy: null };
  const exists = existsSync(directory);
  const record = exists ? readRecord(directory) : null;
  const failure = exists ? readFailure(directory) : null;
  const paths = [...new Set([...request.paths, ...(record?.files.map((file) => file.path) ?? [])])];
  if (containers instanceof FlotillaError) throw containers;
  return {
    ...base,
    exists,
    files: exists
      ? await host.hasher.observeFiles(directory, paths)
      : paths.map((path) => ({ path, sha256: null, mode: null })),
    applied: record && { ...toAppliedView(record), lastFailure: failure },
    lastFailure: failure,
    services: containers
      ? toServices(
          containers.filter(({ project }) => project === request.project),
          record,
        )
      : [],
    engine: containers !== null,
    ...(containers && findOtherStacks(containers, request.project, directory)),
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

/** Stacks that bringing this one up would collide with: other projects in this directory, our project in another. */
function findOtherStacks(containers: readonly EngineContainer[], project: string, directory: string) {
  const same = new Set([directory, ...(existsSync(directory) ? [realpathSync(directory)] : [])]);
  const here = (container: EngineContainer) => same.has(container.workingDir);
  const otherProjects = containers
    .filter((container) => here(container) && container.project !== project)
    .map((container) => container.project);
  const otherDirectories = containers
    .filter((container) => !here(container) && container.project === project)
    .map((container) => container.workingDir);
  return { otherProjects: [...new Set(otherProjects)].sort(), otherDirectories: [...new Set(otherDirectories)].sort() };
}

function unobservable(request: ObserveRequest, error: unknown): ObservedTenant {
  if (!(error instanceof FlotillaError)) throw error;
  return {
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
}
