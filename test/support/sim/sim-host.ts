import type {
  ApplyOptions,
  ApplyPhase,
  ApplyRequest,
  ApplyResult,
  HostEvent,
  TenantDriver,
} from '../../../src/agent-client/tenant-driver.js';
import { type ErrorCode, FlotillaError } from '../../../src/errors.js';
import type { AppliedView, Inspection, ObservedTenant } from '../../../src/plan/observed.js';
import type { Plan } from '../../../src/plan/plan.js';

/** One tenant of a simulated host: files by path, and one container. */
interface SimTenant {
  files: Map<string, { sha256: string; mode: number }>;
  applied: AppliedView | null;
  running: boolean;
  /** What was applied before, to go back to. */
  previous: { plan: Plan; applied: AppliedView } | null;
}

/**
 * A host in memory that plays the port, for what no real one can show: ten thousand tenants, days of time, failures on cue.
 * What real hosts do is tested on real ones.
 */
export interface SimHost {
  driver(): TenantDriver;
  /** Slugs in the order in which they were applied, with the tag: `acme v1`. */
  readonly applies: string[];
  /** How many instances were observed so far, one by one or in a batch. */
  observed(): number;
  tagOf(slug: string): string | null;
  isRunning(slug: string): boolean;
  /** Somebody edits a managed file. */
  edit(slug: string, path: string): void;
  /** A container ends. */
  kill(slug: string): void;
  /** The same in two parts, as real engines do it: it is told of, and then seen. */
  tellDeath(slug: string): void;
  showDeath(slug: string): void;
  /** It is there again, without anybody having told of it. */
  revive(slug: string): void;
  /** Applies of this tenant fail in this phase until null is given; one that waits for health fails once it no longer does. */
  fail(slug: string, failure: { code: ErrorCode; phase: ApplyPhase } | null): void;
  /** Applies of this tenant wait for health until they are superseded, or this is called with false. */
  hang(slug: string, hanging: boolean): void;
  /** Somebody else has the lock of this tenant until false is given. */
  lock(slug: string, locked: boolean): void;
  /** After each apply something undoes it. */
  undo(slug: string, undone: boolean): void;
  /** Silently: no event tells that it is back. */
  setReachable(reachable: boolean, options?: { silently: boolean }): void;
  /** Called at the next inspection, before it answers; once. */
  onInspect(run: () => Promise<void>): void;
  mostAtOnce(): number;
}

export function createSimHost(name: string, now: () => Date): SimHost {
  const tenants = new Map<string, SimTenant>();
  const failures = new Map<string, { code: ErrorCode; phase: ApplyPhase }>();
  const hanging = new Map<string, Set<() => void>>();
  const undone = new Set<string>();
  const locked = new Set<string>();
  const listeners = new Set<(event: HostEvent) => void>();
  const applies: string[] = [];
  let reachable = true;
  let inspecting: (() => Promise<void>) | null = null;
  let observed = 0;
  let working = 0;
  let most = 0;

  const tenantOf = (slug: string): SimTenant => {
    const known = tenants.get(slug) ?? { files: new Map(), applied: null, running: false, previous: null };
    tenants.set(slug, known);
    return known;
  };
  const emit = (event: HostEvent) => {
    for (const listener of listeners) listener(event);
  };
  const requireReachable = () => {
    if (!reachable) throw new FlotillaError('HostUnreachable', `host ${name} does not answer`);
  };

  async function apply(
    { plan, content, hold }: ApplyRequest,
    { supersede, onProgress }: ApplyOptions,
  ): Promise<ApplyResult> {
    const { slug } = plan;
    const failure = 'files' in content ? failures.get(slug) : undefined;
    const begin = (phase: ApplyPhase) => {
      onProgress?.({ phase });
      if (failure?.phase === phase) throw new FlotillaError(failure.code, 'as told', { phase });
    };
    const tenant = tenantOf(slug);
    applies.push(`${slug} ${plan.operations.some(({ kind }) => kind === 'down') ? 'down' : plan.imageTag}`);
    begin('lock');
    if (locked.has(slug)) throw new FlotillaError('Locked', 'another upgrade of it is running', { phase: 'lock' });
    if (plan.operations.some(({ kind }) => kind === 'down')) {
      begin('remove');
      tenant.running = false;
      if (tenant.applied) tenant.applied = { ...tenant.applied, outcome: 'committed' };
      return done(tenant, 'remove');
    }
    begin('pull');
    if (tenant.applied?.outcome === 'verified')
      tenant.previous = { plan: toPlan(plan, tenant), applied: tenant.applied };
    tenant.files = new Map(plan.fileSet.map(({ path, sha256, mode }) => [path, { sha256, mode }]));
    tenant.applied = toApplied(plan, tenant, now());
    begin('up');
    onProgress?.({ phase: 'verify' });
    await waitForHealth(slug, supersede);
    begin('verify');
    tenant.running = !undone.has(slug);
    tenant.applied = {
      ...tenant.applied,
      outcome: 'verified',
      hold: hold ? { ...hold, at: now().toISOString() } : null,
    };
    for (const { path } of plan.files) emit({ type: 'file', slug, path });
    return done(tenant);
  }

  async function waitForHealth(slug: string, supersede: AbortSignal | undefined): Promise<void> {
    const waiting = hanging.get(slug);
    if (!waiting) return;
    await new Promise<void>((resolve, reject) => {
      const give = () => reject(new FlotillaError('Superseded', 'newer desired state waits', { phase: 'verify' }));
      if (supersede?.aborted) give();
      supersede?.addEventListener('abort', give, { once: true });
      waiting.add(resolve);
    });
  }

  const host: SimHost = {
    applies,
    observed: () => observed,
    tagOf: (slug) => tenants.get(slug)?.applied?.imageTag ?? null,
    isRunning: (slug) => tenants.get(slug)?.running ?? false,
    edit(slug, path) {
      tenantOf(slug).files.set(path, { sha256: 'edited', mode: 0o644 });
      emit({ type: 'file', slug, path });
    },
    kill(slug) {
      host.showDeath(slug);
      host.tellDeath(slug);
    },
    tellDeath: (slug) => emit({ type: 'container', slug, service: 'web', action: 'die' }),
    showDeath(slug) {
      tenantOf(slug).running = false;
    },
    revive(slug) {
      tenantOf(slug).running = true;
    },
    fail: (slug, failure) => void (failure ? failures.set(slug, failure) : failures.delete(slug)),
    hang(slug, on) {
      if (on) hanging.set(slug, new Set());
      else {
        const waiting = hanging.get(slug);
        hanging.delete(slug);
        for (const go of waiting ?? []) go();
      }
    },
    undo: (slug, on) => void (on ? undone.add(slug) : undone.delete(slug)),
    lock: (slug, on) => void (on ? locked.add(slug) : locked.delete(slug)),
    setReachable(on, { silently } = { silently: false }) {
      reachable = on;
      if (on && !silently) emit({ type: 'resync' });
    },
    onInspect(run) {
      inspecting = run;
    },
    mostAtOnce: () => most,
    driver: () => ({
      async observe(requests) {
        requireReachable();
        observed += requests.length;
        return requests.map(({ slug, paths }) => ({
          ...toObserved(slug, paths, tenantOf(slug)),
          lockedBy: locked.has(slug) ? { pid: 7, command: 'flotilla apply', since: '' } : null,
        }));
      },
      async inspect({ tenant, containers }): Promise<Inspection> {
        requireReachable();
        const run = inspecting;
        inspecting = null;
        await run?.();
        return toInspection(tenant.imageTag, tenantOf(tenant.slug), containers);
      },
      async apply(request, options = {}) {
        requireReachable();
        working += 1;
        most = Math.max(most, working);
        try {
          return await apply(request, options);
        } finally {
          working -= 1;
        }
      },
      generations: async () => [],
      async planRollback({ slug }) {
        const { previous } = tenantOf(slug);
        if (!previous) throw new FlotillaError('GenerationNotFound', 'nothing to go back to');
        return { plan: previous.plan, generation: previous.applied.generation, diffs: [] };
      },
      events: ({ signal }) => listen(listeners, signal),
      close: async () => undefined,
    }),
  };
  return host;
}

async function* listen(listeners: Set<(event: HostEvent) => void>, signal: AbortSignal): AsyncGenerator<HostEvent> {
  const waiting: HostEvent[] = [{ type: 'resync' }];
  let wake = () => {};
  const listener = (event: HostEvent) => {
    waiting.push(event);
    wake();
  };
  listeners.add(listener);
  signal.addEventListener('abort', () => wake(), { once: true });
  while (!signal.aborted) {
    const next = waiting.shift();
    if (next) yield next;
    else await new Promise<void>((resolve) => (wake = resolve));
  }
  listeners.delete(listener);
}

const done = (tenant: SimTenant, phase: ApplyPhase = 'up'): ApplyResult => ({
  generation: tenant.applied?.generation ?? 0,
  phases: [{ phase, durationMs: 1 }],
  recreated: [],
  restarted: [],
});

function toApplied(plan: Plan, tenant: SimTenant, at: Date): AppliedView {
  return {
    generation: (tenant.applied?.generation ?? 0) + 1,
    project: plan.project,
    revision: plan.revision,
    imageTag: plan.imageTag,
    digest: plan.digest,
    template: plan.template,
    files: plan.fileSet.map(({ path, sha256, mode }) => ({ path, sha256, mode, createOnly: false })),
    outcome: 'committed',
    unfinished: { files: [], services: [] },
    appliedAt: at.toISOString(),
    lastFailure: null,
    hold: null,
  };
}

/** The plan that brings back what a tenant has now. */
function toPlan(plan: Plan, { applied, files }: SimTenant): Plan {
  return {
    ...plan,
    imageTag: applied?.imageTag ?? '',
    digest: applied?.digest ?? '',
    revision: applied?.revision ?? '',
    fileSet: [...files].map(([path, { sha256, mode }]) => ({
      path,
      sha256,
      mode,
      size: 0,
      sensitive: false,
      ownership: 'Managed',
    })),
  };
}

function toObserved(slug: string, paths: readonly string[], tenant: SimTenant): ObservedTenant {
  const known = new Set([...paths, ...(tenant.applied?.files.map(({ path }) => path) ?? [])]);
  const recorded = tenant.applied?.outcome === 'verified' ? { count: 1, completed: false } : null;
  return {
    slug,
    directory: `/srv/${slug}`,
    exists: true,
    files: [...known].sort().map((path) => ({
      path,
      sha256: tenant.files.get(path)?.sha256 ?? null,
      mode: tenant.files.get(path)?.mode ?? null,
    })),
    applied: tenant.applied,
    services: tenant.applied
      ? [
          {
            name: 'web',
            recorded,
            containers: [
              {
                state: tenant.running ? 'running' : 'exited',
                health: null,
                exitCode: tenant.running ? null : 137,
                differs: [],
              },
            ],
          },
        ]
      : [],
    engine: true,
    otherProjects: [],
    otherDirectories: [],
    lockedBy: null,
    interrupted: false,
    error: null,
  };
}

function toInspection(tag: string, tenant: SimTenant, containers: boolean): Inspection {
  const definition = tenant.applied === null ? 'new' : tenant.applied.imageTag === tag ? 'same' : 'update';
  const service = {
    name: 'web',
    image: `web:${tag}`,
    previousImage: null,
    replicas: 1,
    oneShot: false,
    mounts: [],
    sharesWith: [],
    definition,
    inlineChanged: false,
  } as const;
  return {
    diffs: [],
    envCoverage: { required: [], missingInTenantEnv: [], blocking: [], newlyNeeded: [], suspect: [] },
    problems: [],
    forecast: containers ? [service] : null,
    refused: null,
  };
}
