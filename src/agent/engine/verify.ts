import { setTimeout as delay } from 'node:timers/promises';
import type { ComposeModel } from '../../compose/model.js';
import { FlotillaError } from '../../errors.js';
import type { ContainerDetail } from './engine-api.js';
import type { EngineContainer } from './engine-containers.js';
import {
  CRASH_LOOP_RESTARTS,
  describeRestarts,
  judgeService,
  restartsOf,
  type Verdict,
  type Watched,
} from './service-verdict.js';

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
/** Between looks of the settle time: one list of the project's containers each. */
const SETTLE_LOOK_MS = 500;
/** How long a verdict waits for the exit code of what crashes over and over. Only what is down at the moment shows one. */
const EXIT_CODE_PATIENCE_MS = 2_000;
const EXIT_CODE_LOOK_MS = 100;

/**
 * Waits until every service is in order: running, and healthy where there is a healthcheck; or ended with exit code 0 where
 * nothing starts it again. Then watches for `settleMs`, because a container that crashes over and over looks like a running
 * one in between. The engine counts restarts, so that none is missed. One starts the settle time anew; the third one fails.
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
    const settlesAt = (options.now ?? Date.now)() + settleMs;
    const before = await watch.look('all');
    await settle(options, watch, settlesAt);
    const after = await watch.look('all');
    await throwIfFailed(options, watch, after);
    const restarted = restartedSince(before, after);
    if (restarted.length === 0 && after.judge().every(isInOrder)) return after.containers;
    if (watch.isLate()) {
      await watch.learnExitCodes(restarted);
      const awaited = after.judge().filter((each) => !isInOrder(each));
      throw verifyFailed(options, [...awaited, ...restarted.map((container) => describeRestarted(container, after))]);
    }
  }
}

async function settle(options: VerifyOptions, watch: Watch, settlesAt: number): Promise<void> {
  const now = options.now ?? Date.now;
  for (;;) {
    await pause(options, Math.max(0, Math.min(SETTLE_LOOK_MS, settlesAt - now())));
    if (now() >= settlesAt) return;
    await throwIfFailed(options, watch, await watch.look('doubtful'));
  }
}

async function waitUntilInOrder(options: VerifyOptions, watch: Watch): Promise<void> {
  let said = '';
  for (let pollMs = POLL_MIN_MS; ; pollMs = Math.min(pollMs * 1.5, POLL_MAX_MS)) {
    const look = await watch.look('doubtful');
    await throwIfFailed(options, watch, look);
    const awaited = look.judge().filter((each) => !isInOrder(each));
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
  /** With the exit codes that are known by now. */
  judge: () => readonly Verdict[];
  /** Of each container, since it was first seen. */
  restarts: (id: string) => number;
  exitCode: (id: string) => number | null;
  watchedMs: number;
}

interface Watch {
  /** `doubtful`: only the containers about which the list does not say enough are inspected. */
  look(scope: 'all' | 'doubtful'): Promise<Look>;
  /** Looks out for a while for the exit codes of these, where none was seen. */
  learnExitCodes(containers: readonly EngineContainer[]): Promise<void>;
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
  const list = async () => {
    const containers = await options.list();
    for (const { id, exitCode } of containers) if (exitCode !== null) exitCodes.set(id, exitCode);
    return containers;
  };
  return {
    async look(scope) {
      const containers = await list();
      const details = await inspectAll(options, scope === 'all' ? containers : containers.filter(isDoubtful));
      for (const [id, detail] of details) {
        if (!restartsBefore.has(id)) restartsBefore.set(id, isNew(detail, since) ? 0 : detail.restartCount);
        // It may have ended since it was listed.
        if (detail.state === 'exited' || detail.state === 'restarting') exitCodes.set(id, detail.exitCode);
      }
      const watched = { details, restartsBefore, exitCodes, since, watchedMs: now() - startedAt };
      return {
        containers,
        details,
        judge: () => judgeAll(options.model, containers, watched),
        restarts: (id) => restartsOf(id, watched),
        exitCode: (id) => exitCodes.get(id) ?? null,
        watchedMs: watched.watchedMs,
      };
    },
    async learnExitCodes(containers) {
      const until = now() + EXIT_CODE_PATIENCE_MS;
      while (containers.some(({ id }) => !exitCodes.has(id)) && now() < until) {
        await pause(options, EXIT_CODE_LOOK_MS);
        await list();
      }
    },
    isLate: () => now() - startedAt >= options.timeouts.verifyMs,
  };
}

function judgeAll(model: ComposeModel, containers: readonly EngineContainer[], watched: Watched): Verdict[] {
  return Object.values(model.services)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((service) =>
      judgeService(
        service,
        containers.filter((each) => each.service === service.name),
        watched,
      ),
    );
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

async function throwIfFailed(options: VerifyOptions, watch: Watch, look: Look): Promise<void> {
  if (!look.judge().some(({ state }) => state === 'failed')) return;
  await watch.learnExitCodes(look.containers.filter(({ id }) => look.restarts(id) >= CRASH_LOOP_RESTARTS));
  throw verifyFailed(
    options,
    look.judge().filter(({ state }) => state === 'failed'),
  );
}

/** Those that were started again, or made anew by somebody, between two looks. */
function restartedSince(before: Look, after: Look): EngineContainer[] {
  return after.containers.filter(({ id }) => before.details.get(id)?.startedAt !== after.details.get(id)?.startedAt);
}

function describeRestarted({ id, service }: EngineContainer, look: Look): Verdict {
  const message = describeRestarts(Math.max(1, look.restarts(id)), look.watchedMs, look.exitCode(id));
  return { service, state: 'waiting', message };
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
