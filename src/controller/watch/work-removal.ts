import { FlotillaError } from '../../errors.js';
import { planDown } from '../../plan/plan-down.js';
import { toItemError } from '../to-item-error.js';
import type { InstanceRuntime } from './instance-runtime.js';
import { condition, keepTransitions } from './next-status.js';
import type { WatchContext } from './watch-context.js';

/** How long containers have to stop, in milliseconds; no manifest says more. */
const TIMEOUTS = { pullMs: 60_000, upMs: 60_000, verifyMs: 60_000, settleMs: 0 };

/** `deletionPolicy: Down` of an instance whose manifest is gone: its containers are taken down, its files and volumes stay. */
export async function workRemoval(context: WatchContext, slug: string, runtime: InstanceRuntime): Promise<void> {
  const { deps, state, queue } = context;
  const log = deps.log.child({ slug });
  try {
    await takeDown(context, slug, runtime);
  } catch (error) {
    if (context.stopping.aborted || state.runtimes.get(slug) !== runtime || !runtime.removing) return;
    const { code, message } = toItemError(error);
    queue.retry(slug);
    log.warn({ host: runtime.status.host, code }, 'cannot take the containers down: tried again');
    context.say(runtime, { type: 'Warning', reason: code, message });
    const at = deps.now();
    const conditions = [
      condition('Ready', 'False', code, message, at),
      condition('Reconciling', 'True', 'Removing', message, at),
    ];
    context.setStatus(runtime, {
      ...runtime.status,
      conditions: keepTransitions(runtime.status.conditions, conditions),
      failures: runtime.status.failures + 1,
      updatedAt: at.toISOString(),
    });
    return;
  }
  // Its manifest may have come back meanwhile.
  if (state.runtimes.get(slug) !== runtime || !runtime.removing) return;
  queue.forget(slug);
  context.forget(slug);
  log.info({ host: runtime.status.host }, 'containers taken down');
  context.announce({
    type: 'Normal',
    reason: 'TakenDown',
    message: 'its manifest was removed: its containers are gone, its files and volumes stay',
    slug,
    host: runtime.status.host,
  });
}

async function takeDown(
  { deps, state, links, stopping }: WatchContext,
  slug: string,
  { status }: InstanceRuntime,
): Promise<void> {
  const { project, directory } = status;
  const host = state.hosts.get(status.host);
  if (!host) {
    throw new FlotillaError(
      'HostUnreachable',
      `no manifest describes host "${status.host}" any more: its containers stay`,
      {
        hint: 'bring the manifest of the host back, or take the containers down by hand',
      },
    );
  }
  const driver = links.driverOf(host);
  const [observed] = await driver.observe([{ slug, project, directory, paths: [] }], { signal: stopping });
  if (!observed) throw new FlotillaError('Internal', 'the host left it out of its observation');
  if (observed.error) throw new FlotillaError(observed.error.code, observed.error.message);
  const plan = planDown(
    { slug, project, directory, host: status.host, timeouts: TIMEOUTS, revision: state.revision ?? '' },
    observed,
  );
  if (plan.gate) throw new FlotillaError('Locked', plan.gate.message);
  if (plan.operations.length === 0) return;
  await driver.apply({ plan, content: { files: [] }, reconcileId: deps.newId() }, { signal: stopping });
}
