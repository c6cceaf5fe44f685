import { FlotillaError } from '../../errors.js';
import type { Operation } from '../../plan/plan.js';
import { nameHolderOf } from '../compose/compose-error.js';
import type { Apply } from './apply.js';
import {
  type ContainerProgress,
  composeCall,
  listContainers,
  renewedServices,
  restartOrSignal,
  STOP_TIMEOUT_MS,
} from './container-steps.js';
import type { StagedModel } from './staged-model.js';

/**
 * Brings all services up and makes anew those that compose must be told to. What an earlier `up` left half done is
 * cleared away before, and what this one leaves when it fails.
 *
 * @throws FlotillaError UpFailed, TimedOut, ...
 */
export async function upAll(
  apply: Apply,
  staged: StagedModel,
  { recreate }: Extract<Operation, { kind: 'up' }>,
  progress: ContainerProgress,
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
  progress: ContainerProgress,
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
  { before }: ContainerProgress,
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
