import type { ServiceModel } from '../../compose/model.js';
import type { ContainerDetail } from './engine-api.js';
import type { EngineContainer } from './engine-containers.js';

export interface Verdict {
  service: string;
  state: 'inOrder' | 'waiting' | 'failed';
  /** What is the matter, such as `unhealthy`; empty when in order. Names, states and numbers only. */
  message: string;
}

export interface Watched {
  details: ReadonlyMap<string, ContainerDetail>;
  /** How often each container had been started again when it was first seen; 0 for those made since `since`. */
  restartsBefore: ReadonlyMap<string, number>;
  /** The last exit code that was seen of each container. */
  exitCodes: ReadonlyMap<string, number>;
  /** Epoch ms. A container started before it may be unhealthy still because of what has just been mended. */
  since: number;
  watchedMs: number;
}

/** A container that was started again so often crashes over and over. */
export const CRASH_LOOP_RESTARTS = 3;
const IN_ORDER = { state: 'inOrder', message: '' } as const;

type Finding = Pick<Verdict, 'state' | 'message'>;

/** Whether a service is as it should be after `up`, from its containers: the worst of them decides. */
export function judgeService(service: ServiceModel, containers: readonly EngineContainer[], watched: Watched): Verdict {
  const present = containers.filter(({ state }) => state !== 'removing');
  const findings = present.map((container) => judgeContainer(service, container, watched));
  const missing: Finding[] =
    present.length < service.replicas ? [missingContainers(present.length, service.replicas)] : [];
  const all = [...findings, ...missing];
  const worst = all.find(({ state }) => state === 'failed') ?? all.find(({ state }) => state === 'waiting') ?? IN_ORDER;
  return { service: service.name, ...worst };
}

function missingContainers(count: number, wanted: number): Finding {
  return { state: 'waiting', message: wanted === 1 ? 'no container' : `${count} of ${wanted} containers` };
}

function judgeContainer(service: ServiceModel, container: EngineContainer, watched: Watched): Finding {
  const exitCode = watched.exitCodes.get(container.id) ?? null;
  const restarts = restartsOf(container.id, watched);
  if (restarts >= CRASH_LOOP_RESTARTS) {
    return { state: 'failed', message: describeRestarts(restarts, watched.watchedMs, exitCode) };
  }
  switch (container.state) {
    case 'running':
      return judgeRunning(container, watched.details.get(container.id), watched.since);
    case 'exited':
      return judgeExited(service, exitCode);
    case 'dead':
      return { state: 'failed', message: 'dead' };
    case 'restarting':
      return { state: 'waiting', message: `restarting, exit code ${exitCode ?? 'unknown'}` };
    default:
      return {
        state: 'waiting',
        message: container.state === 'created' ? 'created, but not started' : container.state,
      };
  }
}

export function restartsOf(id: string, { details, restartsBefore }: Watched): number {
  return (details.get(id)?.restartCount ?? 0) - (restartsBefore.get(id) ?? 0);
}

export function describeRestarts(restarts: number, watchedMs: number, exitCode: number | null): string {
  const times = restarts === 1 ? 'once' : `${restarts} times`;
  const code = exitCode === null ? '' : `, exit code ${exitCode}`;
  return `restarted ${times} in ${Math.max(1, Math.ceil(watchedMs / 1000))} s${code}`;
}

/** One-shots that run still are in order too: `up` has waited for those that others depend on. */
function judgeRunning(container: EngineContainer, detail: ContainerDetail | undefined, since: number): Finding {
  if (container.health === 'starting') return { state: 'waiting', message: 'not healthy yet' };
  if (container.health !== 'unhealthy') return IN_ORDER;
  const exit = detail?.lastHealthExit;
  const message = typeof exit === 'number' ? `unhealthy, its health command ends with ${exit}` : 'unhealthy';
  const mayRecover = detail !== undefined && Date.parse(detail.startedAt) < since;
  return { state: mayRecover ? 'waiting' : 'failed', message };
}

/** The engine starts `always` and `unless-stopped` again by itself, and `on-failure` until its attempts are used up. */
function judgeExited(service: ServiceModel, exitCode: number | null): Finding {
  const rests = service.restart === 'no' || service.restart.startsWith('on-failure');
  if (exitCode === 0 && rests) return IN_ORDER;
  return { state: rests ? 'failed' : 'waiting', message: `exited with code ${exitCode ?? 'unknown'}` };
}
