import { setTimeout as delay } from 'node:timers/promises';
import type { ComposeModel } from '../../compose/model.js';
import { FlotillaError } from '../../errors.js';
import type { ContainerDetail } from './engine-api.js';
import type { EngineContainer } from './engine-containers.js';
import { describeRestarts, judgeService, restartsOf, type Verdict } from './service-verdict.js';

export interface VerifyOptions {
  project: string;
  model: ComposeModel;
  /** The project's containers now. */
  list: () => Promise<readonly EngineContainer[]>;
  /** null when the container is gone. */
  inspect: (id: string) => Promise<ContainerDetail | null>;
  timeouts: { verifyMs: number; settleMs: number };
  /**
   * When the apply began, epoch ms. Containers started before may be unhealthy still because of what it mends: they are
   * given time. All restarts of containers made since count.
   */
  since?: number;
  signal?: AbortSignal;
  /** One sentence each time that what is waited for changes: names, states and numbers only. */
  onProgress?: (progress: { phase: 'verify' | 'settle'; service?: string; message: string }) => void;
  sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
  now?: () => number;
}

const POLL_MIN_MS = 50;
const POLL_MAX_MS = 250;

/**
 * Waits until every service is in order: running, and healthy where there is a healthcheck; or ended with exit code 0 where
 * nothing starts it again. Then waits `settleMs` and looks again, because a container that crashes over and over looks like
 * a running one in between. A restart starts the settle time anew; the third one fails.
 *
 * @returns the containers as they were at the end of the settle time
 * @throws FlotillaError VerifyFailed, naming each service with its state; Cancelled
 */
export async function verifyServices(options: VerifyOptions): Promise<readonly EngineContainer[]> {
  const watch = createWatch(options);
  for (;;) {
    await waitUntilInOrder(options, watch);
    const { settleMs } = options.timeouts;
    options.onProgress?.({
      phase: 'settle',
      message: `all services are in order; looking again in ${settleMs / 1000} s`,
    });
    const now = options.now ?? Date.now;
    const settlesAt = now() + settleMs;
    const before = await watch.look('all');
    await pause(options, Math.max(0, settlesAt - now()));
    const after = await watch.look('all');
    throwIfFailed(options, after.verdicts);
    const restarted = restartedSince(before, after);
    if (restarted.length === 0 && after.verdicts.every(isInOrder)) return after.containers;
    if (watch.isLate())
      throw verifyFailed(options, [...after.verdicts.filter((each) => !isInOrder(each)), ...restarted]);
  }
}

async function waitUntilInOrder(options: VerifyOptions, watch: Watch): Promise<void> {
  let said = '';
  for (let pollMs = POLL_MIN_MS; ; pollMs = Math.min(pollMs * 1.5, POLL_MAX_MS)) {
    const { verdicts } = await watch.look('doubtful');
    throwIfFailed(options, verdicts);
    const awaited = verdicts.filter((each) => !isInOrder(each));
    if (awaited.length === 0) return;
    if (watch.isLate()) throw verifyFailed(options, awaited);
    const message = `waiting for ${describe(awaited)}`;
    if (message !== said) options.onProgress?.({ phase: 'verify', message });
    said = message;
    await pause(options, pollMs);
  }
}

interface Look {
  containers: readonly EngineContainer[];
  details: ReadonlyMap<string, ContainerDetail>;
  verdicts: readonly Verdict[];
  /** Of each container, since it was first seen. */
  restarts: (id: string) => number;
  exitCode: (id: string) => number | null;
  watchedMs: number;
}

interface Watch {
  /** `doubtful`: only the containers about which the list does not say enough are inspected. */
  look(scope: 'all' | 'doubtful'): Promise<Look>;
  isLate(): boolean;
}

function createWatch(options: VerifyOptions): Watch {
  const now = options.now ?? Date.now;
  const startedAt = now();
  const since = options.since ?? 0;
  const restartsBefore = new Map<string, number>();
  const exitCodes = new Map<string, number>();
  const isDoubtful = ({ id, state, health }: EngineContainer) =>
    !restartsBefore.has(id) || state === 'restarting' || health === 'unhealthy';
  return {
    async look(scope) {
      const containers = await options.list();
      for (const { id, exitCode } of containers) if (exitCode !== null) exitCodes.set(id, exitCode);
      const details = await inspectAll(options, scope === 'all' ? containers : containers.filter(isDoubtful));
      for (const [id, detail] of details) {
        if (!restartsBefore.has(id)) restartsBefore.set(id, isNew(detail, since) ? 0 : detail.restartCount);
      }
      const watched = { details, restartsBefore, exitCodes, since, watchedMs: now() - startedAt };
      const verdicts = Object.values(options.model.services)
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map((service) =>
          judgeService(
            service,
            containers.filter((each) => each.service === service.name),
            watched,
          ),
        );
      return {
        containers,
        details,
        verdicts,
        restarts: (id) => restartsOf(id, watched),
        exitCode: (id) => exitCodes.get(id) ?? null,
        watchedMs: watched.watchedMs,
      };
    },
    isLate: () => now() - startedAt >= options.timeouts.verifyMs,
  };
}

function isNew(detail: ContainerDetail, since: number): boolean {
  return since > 0 && Date.parse(detail.createdAt) >= since;
}

async function inspectAll({ inspect }: VerifyOptions, containers: readonly EngineContainer[]) {
  const details = await Promise.all(containers.map(({ id }) => inspect(id)));
  return new Map(details.flatMap((detail) => (detail === null ? [] : [[detail.id, detail] as const])));
}

function isInOrder({ state }: Verdict): boolean {
  return state === 'inOrder';
}

function throwIfFailed(options: VerifyOptions, verdicts: readonly Verdict[]): void {
  const failed = verdicts.filter(({ state }) => state === 'failed');
  if (failed.length > 0) throw verifyFailed(options, failed);
}

/** Services of which a container was started again, or made anew by somebody, between two looks. */
function restartedSince(before: Look, after: Look): Verdict[] {
  return after.containers.flatMap(({ id, service }) => {
    if (before.details.get(id)?.startedAt === after.details.get(id)?.startedAt) return [];
    const message = describeRestarts(Math.max(1, after.restarts(id)), after.watchedMs, after.exitCode(id));
    return [{ service, state: 'waiting' as const, message }];
  });
}

function describe(verdicts: readonly Verdict[]): string {
  return verdicts.map(({ service, message }) => `${service}: ${message}`).join('; ');
}

function verifyFailed({ project }: VerifyOptions, verdicts: readonly Verdict[]): FlotillaError {
  const services = [...new Set(verdicts.map(({ service }) => service))];
  return new FlotillaError('VerifyFailed', describe(verdicts), {
    hint: `Look at docker compose -p ${project} logs ${services.join(' ')} on the host.`,
  });
}

async function pause(options: VerifyOptions, ms: number): Promise<void> {
  const sleep =
    options.sleep ?? ((wait: number, signal?: AbortSignal) => delay(wait, undefined, signal ? { signal } : {}));
  try {
    await sleep(ms, options.signal);
  } catch (cause) {
    throw new FlotillaError('Cancelled', 'cancelled while verifying', { cause });
  }
}
