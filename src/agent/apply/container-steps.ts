import type { ApplyPhase, ApplyProgress } from '../../agent-client/tenant-driver.js';
import type { Operation } from '../../plan/plan.js';
import type { ComposeCall } from '../compose/compose-cli.js';
import type { ComposeEvent } from '../compose/compose-progress.js';
import type { EngineContainer } from '../engine/engine-containers.js';
import type { Apply } from './apply.js';
import type { StagedModel } from './staged-model.js';

/** How long `restart`, `kill` and the removal of a service's containers may take at most. */
export const STOP_TIMEOUT_MS = 120_000;

/** What has been done to containers since the apply began with them. */
export interface ContainerProgress {
  before: readonly EngineContainer[];
  /** Services that were restarted by now. */
  restarted: Set<string>;
}

export async function removeServices(
  apply: Apply,
  services: readonly string[],
  containers: readonly EngineContainer[],
): Promise<void> {
  const gone = containers.filter((container) => services.includes(container.service)).map((container) => container.id);
  await apply.host.engine.stopAndRemove(gone, { timeoutMs: STOP_TIMEOUT_MS });
}

/** Those whose containers `up` has just made anew have read the new files already. */
export async function restartOrSignal(
  apply: Apply,
  { live, call }: StagedModel,
  operation: Extract<Operation, { kind: 'restart' | 'signal' }>,
  { before, restarted }: ContainerProgress,
): Promise<void> {
  const renewed = new Set(renewedServices(before, await listContainers(apply)));
  const options = { ...composeCall(apply, call, 'restart'), timeoutMs: STOP_TIMEOUT_MS };
  if (operation.kind === 'signal') {
    if (!renewed.has(operation.service))
      await apply.host.compose.signal(live, operation.service, operation.signal, options);
    return;
  }
  const services = operation.services.filter((service) => !renewed.has(service) && !restarted.has(service));
  if (services.length > 0) await apply.host.compose.restart(live, services, options);
  for (const service of services) restarted.add(service);
}

/** Services with a container that was not there before; sorted. */
export function renewedServices(before: readonly EngineContainer[], after: readonly EngineContainer[]): string[] {
  const ids = new Set(before.map((container) => container.id));
  const renewed = after.filter((container) => !ids.has(container.id)).map((container) => container.service);
  return [...new Set(renewed)].sort();
}

export function listContainers({ host, plan }: Apply): Promise<EngineContainer[]> {
  return host.engine.listProjectContainers({ project: plan.project });
}

export function composeCall(
  apply: Apply,
  call: StagedModel['call'],
  phase: 'pull' | 'up' | 'restart',
): Omit<ComposeCall, 'timeoutMs'> {
  return {
    ...call,
    lockFd: apply.lock.fd,
    onEvent: (event) => apply.phases.report(toProgress(phase, event)),
  };
}

function toProgress(phase: ApplyPhase, event: ComposeEvent): ApplyProgress {
  if (event.kind === 'layers') return { phase, message: `${event.done} of ${event.total} layers` };
  return { phase, service: event.service, message: event.status };
}
