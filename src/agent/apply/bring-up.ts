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
  const restarted: Progress['restarted'] = new Set();
  for (const operation of plan.operations) {
    switch (operation.kind) {
      case 'removeServices':
        await phases.run('remove', () => removeServices(apply, operation.services, before));
        break;
      case 'up':
        await phases.run('up', () => upAll(apply, staged, operation, { before, restarted }));
        break;
      case 'restart':
      case 'signal':
        await phases.run('restart', async () => {
          await restartOrSignal(apply, staged, operation, { before, restarted });
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

interface Progress {
  before: readonly EngineContainer[];
  /** Services that were restarted by now. */
  restarted: Set<string>;
}

async function upAll(
  apply: Apply,
  staged: StagedModel,
  { recreate }: Extract<Operation, { kind: 'up' }>,
  progress: Progress,
): Promise<void> {
  await removeCreated(apply);
  try {
    await upOnce(apply, staged).catch(async (error: unknown) => {
      if (!isUpFailed(error) || !(await renewFirst(apply, staged, recreate, progress))) throw error;
      await upOnce(apply, staged);
    });
    await forceRecreate(apply, staged, recreate, progress);
  } catch (error) {
    await removeCreated(apply);
    throw error;
  }
}

async function upOnce(apply: Apply, { live, call }: StagedModel): Promise<void> {
  const options = { ...composeCall(apply, call, 'up'), timeoutMs: apply.plan.timeouts.upMs };
  await apply.host.compose.up(live, options).catch(async (error: unknown) => {
    if (!(await isOwnNameConflict(apply, error))) throw error;
    return apply.host.compose.up(live, options);
  });
}

function isUpFailed(error: unknown): boolean {
  return error instanceof FlotillaError && error.code === 'UpFailed';
}

/**
 * What others wait for can be unwell for the very reason that the plan makes it anew or restarts it, such as a configuration
 * that is right only now. Then that has to come before `up`. @returns whether there was anything to do
 */
async function renewFirst(
  apply: Apply,
  staged: StagedModel,
  recreate: readonly string[],
  progress: Progress,
): Promise<boolean> {
  const present = new Set(progress.before.map((container) => container.service));
  await removeCreated(apply);
  const recreated = await forceRecreate(
    apply,
    staged,
    recreate.filter((service) => present.has(service)),
    progress,
  );
  const earlier = progress.restarted.size;
  for (const operation of apply.plan.operations) {
    if (operation.kind !== 'restart') continue;
    const services = operation.services.filter((service) => present.has(service));
    await restartOrSignal(apply, staged, { ...operation, services }, progress);
  }
  return recreated || progress.restarted.size > earlier;
}

/** Those that `up` has not made anew by itself. @returns whether there were any */
async function forceRecreate(
  apply: Apply,
  { live, call }: StagedModel,
  services: readonly string[],
  { before }: Progress,
): Promise<boolean> {
  const options = { ...composeCall(apply, call, 'up'), timeoutMs: apply.plan.timeouts.upMs };
  const renewed = new Set(renewedServices(before, await listContainers(apply)));
  const left = services.filter((service) => !renewed.has(service));
  if (left.length > 0) await apply.host.compose.upForceRecreate(live, left, options);
  return left.length > 0;
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

/** Those whose containers `up` has just made anew have read the new files already. */
async function restartOrSignal(
  apply: Apply,
  { live, call }: StagedModel,
  operation: Extract<Operation, { kind: 'restart' | 'signal' }>,
  { before, restarted }: Progress,
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
