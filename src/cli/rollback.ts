import { randomUUID } from 'node:crypto';
import type { ApplyRequest, TenantDriver } from '../agent-client/tenant-driver.js';
import { FlotillaError } from '../errors.js';
import type { DesiredInstance } from '../manifest/desired-state.js';
import { oneLine } from '../plan/format-safe.js';
import { formatPlanText } from '../plan/format-text.js';
import type { Plan } from '../plan/plan.js';
import { renderInstance } from '../render/render.js';
import { confirm } from './confirm.js';
import { type Context, createContext, type SharedOptions } from './context.js';
import { EXIT_DONE, EXIT_ERROR, EXIT_INTERRUPTED } from './exit-code.js';
import { findInstance } from './find-instance.js';
import { type Fleet, openFleet } from './fleet.js';
import { listenForInterrupts } from './interrupt.js';
import type { Io } from './io.js';
import { createProgress } from './progress.js';

interface Options extends SharedOptions {
  io: Io;
  to?: number;
  dryRun?: boolean;
  yes?: boolean;
}

/** `flotilla rollback SLUG`: plans and applies a file set that the host kept, and holds desired state back. */
export async function rollbackCommand({ slug }: { slug: string }, options: Options): Promise<number> {
  const context = await createContext(options.io, options);
  const fleet = await openFleet(options, context);
  const { out } = context.io;
  try {
    const instance = findInstance(fleet.desired, slug);
    const driver = driverOf(fleet, instance);
    const { project, directory, timeouts } = instance;
    const to = options.to === undefined ? {} : { to: options.to };
    const { plan, generation, diffs } = await driver.planRollback({ slug, project, directory, timeouts, ...to });
    const title = `${slug} on ${instance.host}: back to generation ${generation}, ${plan.fromImageTag ?? 'nothing'} -> ${plan.imageTag}`;
    const lines = formatPlanText(plan, diffs, {
      paint: context.paint,
      diffs: true,
      steps: true,
      verbose: context.verbose,
    });
    await out.write(`${[context.paint.bold(title), ...lines].join('\n')}\n`);
    if (plan.operations.length === 0) {
      await out.write('nothing to do: that is what is there\n');
      return EXIT_DONE;
    }
    if (plan.gate?.blocked) return EXIT_ERROR;
    if (options.dryRun) return EXIT_DONE;
    if (!options.yes && !(await confirm(`Roll ${slug} back to generation ${generation}?`, context.io))) {
      await context.io.err.write('nothing was done\n');
      return EXIT_ERROR;
    }
    const hold = holdOf(fleet, instance, plan);
    const interrupted = await apply(
      driver,
      { plan, content: { generation }, reconcileId: randomUUID(), ...hold },
      context,
    );
    await out.write(explain(instance, plan, hold.hold !== undefined));
    return interrupted ? EXIT_INTERRUPTED : EXIT_DONE;
  } finally {
    await fleet.close();
  }
}

function driverOf({ desired, driverFor }: Fleet, instance: DesiredInstance): TenantDriver {
  const host = desired.hosts.get(instance.host);
  if (!host) throw new FlotillaError('ManifestInvalid', `no manifest describes host "${instance.host}"`);
  return driverFor(host);
}

/** Without a hold the next reconcile would bring the newer tag straight back. What does not render is not applied anyway. */
function holdOf({ templates }: Fleet, instance: DesiredInstance, plan: Plan): Pick<ApplyRequest, 'hold'> {
  const template = templates.get(instance.template);
  if (!template) return {};
  try {
    const { digest } = renderInstance(template, instance);
    return digest === plan.digest ? {} : { hold: { digest, imageTag: instance.imageTag } };
  } catch (error) {
    if (error instanceof FlotillaError) return {};
    throw error;
  }
}

async function apply(driver: TenantDriver, request: ApplyRequest, context: Context): Promise<boolean> {
  const { slug } = request.plan;
  const progress = createProgress(context);
  const { signal, dispose } = listenForInterrupts({ active: progress.active, say: progress.say });
  progress.onEvent({ type: 'started', slug });
  try {
    const onProgress = (
      step: Parameters<NonNullable<NonNullable<Parameters<TenantDriver['apply']>[1]>['onProgress']>>[0],
    ) => progress.onEvent({ type: 'phase', slug, ...step });
    await driver.apply(request, { signal, onProgress });
    return signal.aborted;
  } finally {
    dispose();
    progress.end();
  }
}

function explain({ slug, imageTag, source }: DesiredInstance, plan: Plan, held: boolean): string {
  if (!held) return `${slug} runs ${plan.imageTag}, which is what desired state says\n`;
  return [
    `${slug} runs ${plan.imageTag} again. Desired state (${oneLine(source.file)}:${source.line}) still names ${imageTag}:`,
    'reconcile leaves the instance as it is until desired state changes. Next, one of:',
    `  flotilla set-image ${slug} ${plan.imageTag}, and commit: stay with it`,
    '  commit a newer tag or a fix, and reconcile: go forward',
    `  flotilla reconcile ${slug} --ignore-hold: apply ${imageTag} again`,
    '',
  ].join('\n');
}
