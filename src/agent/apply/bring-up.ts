import type { EngineContainer } from '../engine/engine-containers.js';
import { verifyServices } from '../engine/verify.js';
import type { RecordedService } from '../state/applied-record.js';
import type { Apply } from './apply.js';
import {
  type ContainerProgress,
  composeCall,
  listContainers,
  removeServices,
  renewedServices,
  restartOrSignal,
} from './container-steps.js';
import type { StagedModel } from './staged-model.js';
import { asSuperseded } from './superseded.js';
import { upAll } from './up-all.js';

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
    signal: apply.signal,
  });
}

/**
 * Carries out what the plan says of containers, in its order, then waits until all is well and stays well.
 *
 * @throws FlotillaError UpFailed, VerifyFailed, Superseded, TimedOut, ...
 */
export async function bringUp(apply: Apply, staged: StagedModel): Promise<BroughtUp> {
  const { plan, phases } = apply;
  const since = apply.host.now().getTime();
  const before = await listContainers(apply);
  const restarted: ContainerProgress['restarted'] = new Set();
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

async function verify(apply: Apply, { model }: StagedModel, since: number): Promise<readonly EngineContainer[]> {
  return verifyServices({
    project: apply.plan.project,
    model,
    list: () => listContainers(apply),
    inspect: (id) => apply.host.engine.inspectContainer(id),
    timeouts: apply.plan.timeouts,
    since,
    onProgress: (progress) => apply.phases.report(progress),
    ...(apply.supersede && { signal: apply.supersede }),
  }).catch((error: unknown) => {
    throw asSuperseded(error, apply);
  });
}

function recordServices({ model }: StagedModel, containers: readonly EngineContainer[]): RecordedService[] {
  return Object.values(model.services).map((service) => {
    const own = containers.filter((container) => container.service === service.name);
    return {
      name: service.name,
      count: own.length,
      completed: own.length > 0 && own.every((container) => container.state === 'exited' && container.exitCode === 0),
      oneShot: service.oneShot,
      imageIds: unique(own.map((container) => container.imageId)),
      configHashes: unique(own.map((container) => container.configHash)),
      definition: service.definition,
      inline: service.inline,
    };
  });
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}
