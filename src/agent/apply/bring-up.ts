import type { ApplyPhase, ApplyProgress } from '../../agent-client/tenant-driver.js';
import { FlotillaError } from '../../errors.js';
import type { Operation } from '../../plan/plan.js';
import type { ComposeCall } from '../compose/compose-cli.js';
import { nameHolderOf } from '../compose/compose-error.js';
import type { ComposeEvent } from '../compose/compose-progress.js';
import type { EngineContainer } from '../engine/engine-containers.js';
import { verifyServices } from '../engine/verify.js';
import type { RecordedService } from '../state/applied-record.js';
import type { Apply } from './apply.js';
import type { StagedModel } from './staged-model.js';

/** How long `restart`, `kill` and the removal of a service's containers may take at most. */
const STOP_TIMEOUT_MS = 120_000;

export interface BroughtUp {
  services: RecordedService[];
  composeVersion: string;
  /** Sorted. */
  recreated: string[];
  restarted: string[];
}

/** Pulls every image of the new files, while the old ones are still in place. @throws FlotillaError ImageNotFound, RegistryUnreachable, ... */
export async function pullImages(apply: Apply, { staged, call }: StagedModel): Promise<void> {
  await apply.host.compose.pull(staged, {
    ...composeCall(apply, call, 'pull'),
    timeoutMs: apply.plan.timeouts.pullMs,
    ...(apply.signal && { signal: apply.signal }),
  });
}

/**
 * Carries out what the plan says of containers, in its order, then waits until all is well and stays well.
 *
 * @throws FlotillaError UpFailed, VerifyFailed, TimedOut, ...
 */
export async function bringUp(apply: Apply, staged: StagedModel): Promise<BroughtUp> {
  const { plan, phases } = apply;
  const since = apply.host.now().getTime();
  const before = await listContainers(apply);
  const restarted = new Set<string>();
  for (const operation of plan.operations) {
    switch (operation.kind) {
      case 'removeServices':
        await phases.run('remove', () => removeServices(apply, operation.services, before));
        break;
      case 'up':
        await phases.run('up', () => upAll(apply, staged, operation, before));
        break;
      case 'restart':
      case 'signal':
        await phases.run('restart', async () => {
          for (const service of await restartOrSignal(apply, staged, operation, before)) restarted.add(service);
        });
        break;
      default:
        break;
    }
  }
  const after = await phases.run('verify', () => verify(apply, staged, since));
  return {
    services: recordServices(staged, after),
    composeVersion: await apply.host.composeVersion(),
    recreated: renewedServices(before, after),
    restarted: [...restarted].sort(),
  };
}

async function removeServices(
  apply: Apply,
  services: readonly string[],
  containers: readonly EngineContainer[],
): Promise<void> {
  const gone = containers.filter((container) => services.includes(container.service)).map((container) => container.id);
  await apply.host.engine.stopAndRemove(gone, { timeoutMs: STOP_TIMEOUT_MS });
}

async function upAll(
  apply: Apply,
  { live, call }: StagedModel,
  { recreate }: Extract<Operation, { kind: 'up' }>,
  before: readonly EngineContainer[],
): Promise<void> {
  const { compose } = apply.host;
  const options = { ...composeCall(apply, call, 'up'), timeoutMs: apply.plan.timeouts.upMs };
  await removeCreated(apply);
  try {
    await compose.up(live, options).catch(async (error: unknown) => {
      if (!(await isOwnNameConflict(apply, error))) throw error;
      return compose.up(live, options);
    });
    const renewed = new Set(renewedServices(before, await listContainers(apply)));
    const left = recreate.filter((service) => !renewed.has(service));
    if (left.length > 0) await compose.upForceRecreate(live, left, options);
  } catch (error) {
    await removeCreated(apply);
    throw error;
  }
}

/**
 * An interrupted `up` can leave a renamed container behind: the first try after it fails, the second succeeds. With a
 * container that is not ours the second would succeed too, and leave the service under a makeshift name.
 */
async function isOwnNameConflict(apply: Apply, error: unknown): Promise<boolean> {
  const holder = nameHolderOf(error);
  return holder !== undefined && (await listContainers(apply)).some(({ id }) => id === holder);
}

/** What a failed or a killed `up` left: the next one would start these without their configs and secrets. */
async function removeCreated(apply: Apply): Promise<void> {
  try {
    const created = (await listContainers(apply))
      .filter((container) => container.state === 'created')
      .map((container) => container.id);
    await apply.host.engine.stopAndRemove(created, { timeoutMs: STOP_TIMEOUT_MS });
  } catch (error) {
    // How `up` fails is what the operator must hear of.
    if (!(error instanceof FlotillaError)) throw error;
  }
}

/** @returns the services that were restarted; those whose containers `up` has just made anew have read the new files already */
async function restartOrSignal(
  apply: Apply,
  { live, call }: StagedModel,
  operation: Extract<Operation, { kind: 'restart' | 'signal' }>,
  before: readonly EngineContainer[],
): Promise<readonly string[]> {
  const renewed = new Set(renewedServices(before, await listContainers(apply)));
  const options = { ...composeCall(apply, call, 'restart'), timeoutMs: STOP_TIMEOUT_MS };
  if (operation.kind === 'signal') {
    if (!renewed.has(operation.service))
      await apply.host.compose.signal(live, operation.service, operation.signal, options);
    return [];
  }
  const services = operation.services.filter((service) => !renewed.has(service));
  if (services.length > 0) await apply.host.compose.restart(live, services, options);
  return services;
}

async function verify(apply: Apply, { model }: StagedModel, since: number): Promise<readonly EngineContainer[]> {
  return verifyServices({
    project: apply.plan.project,
    model,
    list: () => listContainers(apply),
    inspect: (id) => apply.host.engine.inspectContainer(id),
    timeouts: apply.plan.timeouts,
    since,
    onProgress: (progress) => apply.phases.report(progress),
  });
}

function recordServices({ model }: StagedModel, containers: readonly EngineContainer[]): RecordedService[] {
  return Object.values(model.services).map((service) => {
    const own = containers.filter((container) => container.service === service.name);
    return {
      name: service.name,
      count: own.length,
      completed: own.length > 0 && own.every((container) => container.state === 'exited' && container.exitCode === 0),
      imageIds: unique(own.map((container) => container.imageId)),
      configHashes: unique(own.map((container) => container.configHash)),
      definition: service.definition,
      inline: service.inline,
    };
  });
}

/** Services with a container that was not there before; sorted. */
function renewedServices(before: readonly EngineContainer[], after: readonly EngineContainer[]): string[] {
  const ids = new Set(before.map((container) => container.id));
  return unique(after.filter((container) => !ids.has(container.id)).map((container) => container.service));
}

function listContainers({ host, plan }: Apply): Promise<EngineContainer[]> {
  return host.engine.listProjectContainers({ project: plan.project });
}

function composeCall(
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

function unique(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}
