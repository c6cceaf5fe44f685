import type { InstanceRef, ObserveRequest } from '../../agent-client/tenant-driver.js';
import type { ObservedTenant } from '../../plan/observed.js';
import { checkManagedPath } from '../files/confine.js';

/** An instance that was asked for, and its managed paths: those requested and those of its applied record. */
export interface ObservedInstance extends InstanceRef {
  paths: ReadonlySet<string>;
}

/** Which instances this process has been asked to observe: what there is to watch. */
export interface ObservedInstances {
  /** Before the host is looked at: who is watched first and looked at afterwards misses nothing. */
  expect(requests: readonly ObserveRequest[]): void;
  /** Afterwards, when the paths of the applied records are known, too. */
  note(requests: readonly ObserveRequest[], observed: readonly ObservedTenant[]): void;
  all(): Iterable<ObservedInstance>;
  slugOf(project: string): string | undefined;
}

interface Options {
  onChange: (instance: ObservedInstance) => void;
  onForget: (slug: string) => void;
  /** Beyond it the one that was first noted is forgotten. */
  maxInstances?: number;
}

/** Costs a few look-ups an instance where nothing has changed: a sweep calls it for each of thousands. */
export function createObservedInstances({ onChange, onForget, maxInstances = 50_000 }: Options): ObservedInstances {
  const bySlug = new Map<string, ObservedInstance>();
  const slugs = new Map<string, string>();

  function replace({ slug, project, directory }: InstanceRef, paths: ReadonlySet<string>): void {
    if (!isPlain(directory)) return;
    forgetProject(bySlug.get(slug));
    const instance = { slug, project, directory, paths };
    bySlug.set(slug, instance);
    slugs.set(project, slug);
    onChange(instance);
    const oldest = bySlug.size > maxInstances ? bySlug.values().next().value : undefined;
    if (oldest === undefined) return;
    forgetProject(oldest);
    bySlug.delete(oldest.slug);
    onForget(oldest.slug);
  }

  function forgetProject(instance: ObservedInstance | undefined): void {
    if (instance !== undefined && slugs.get(instance.project) === instance.slug) slugs.delete(instance.project);
  }

  return {
    expect(requests) {
      for (const request of requests) {
        const known = bySlug.get(request.slug);
        const same = isSamePlace(known, request);
        if (same && request.paths.every((path) => known.paths.has(path))) continue;
        replace(request, new Set([...(same ? known.paths : []), ...request.paths]));
      }
    },
    note(requests, observed) {
      for (const [i, request] of requests.entries()) {
        const tenant = observed[i];
        if (tenant === undefined || tenant.error !== null) continue;
        const known = bySlug.get(request.slug);
        const same = isSamePlace(known, request) && known.paths.size === tenant.files.length;
        if (same && tenant.files.every(({ path }) => known.paths.has(path))) continue;
        replace(request, new Set(tenant.files.map(({ path }) => path)));
      }
    },
    all: () => bySlug.values(),
    slugOf: (project) => slugs.get(project),
  };
}

function isSamePlace(
  known: ObservedInstance | undefined,
  { project, directory }: InstanceRef,
): known is ObservedInstance {
  return known !== undefined && known.project === project && known.directory === directory;
}

/** Whether it is a path below what it is relative to. What cannot be observed is not watched. */
export function isPlain(path: string): boolean {
  try {
    checkManagedPath(path);
    return true;
  } catch {
    return false;
  }
}
