import type { TenantDriver } from '../../agent-client/tenant-driver.js';
import { ERROR_CODES, type ErrorCode, FlotillaError } from '../../errors.js';
import type { Decision } from '../../history/history-store.js';
import type { InstanceStatus } from '../../history/instance-status.js';
import type { DesiredHost } from '../../manifest/desired-state.js';
import type { Notice } from '../../notify/notifier.js';
import type { Plan } from '../../plan/plan.js';
import { planDown } from '../../plan/plan-down.js';
import { toItemError } from '../to-item-error.js';
import type { InstanceRuntime } from './instance-runtime.js';
import { condition, keepTransitions } from './next-status.js';
import { recordUpgrade, upgradeResultOf } from './upgrade-record.js';
import type { WatchContext } from './watch-context.js';

/** How long containers have to stop, in milliseconds; no manifest says more. */
const TIMEOUTS = { pullMs: 60_000, upMs: 60_000, verifyMs: 60_000, settleMs: 0 };

/** What every instance of a host may meet at once, and what ends by itself: told of by host, not with a notice each. */
const UNTOLD: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'HostUnreachable',
  'PeerRefused',
  'PkiInvalid',
  'TimedOut',
  'AnswerInvalid',
  'HostBusy',
  'EngineUnreachable',
  'Locked',
]);

/** `deletionPolicy: Down` of an instance whose manifest is gone: its containers are taken down, its files and volumes stay. */
export async function workRemoval(context: WatchContext, slug: string, runtime: InstanceRuntime): Promise<void> {
  const { state, deps } = context;
  const isWanted = () => state.runtimes.get(slug) === runtime && runtime.status.removing;
  // The first revision that is taken says what to do about it.
  if (state.revision === null) return;
  const doubt = doubtOf(context, runtime);
  if (doubt) return postpone(context, runtime, doubt);
  const host = state.hosts.get(runtime.status.host);
  if (!host) {
    const reason = 'HostRemoved';
    const message = 'its manifest was removed, and that of its host too: its containers stay, take them down by hand';
    tell(context, runtime, { kind: 'TakeDownFailed', severity: 'error', reason, message });
    end(context, runtime, { type: 'Warning', reason, message });
    return;
  }
  if (isElses(context, runtime)) {
    const message = 'its manifest was removed, and another one has its directory or project: its containers stay';
    end(context, runtime, { type: 'Normal', reason: 'Orphaned', message });
    return;
  }
  try {
    await takeDown(context, host, runtime);
  } catch (error) {
    if (!context.stopping.aborted && isWanted()) failed(context, slug, runtime, error);
    return;
  }
  // Its manifest may have come back meanwhile.
  if (!isWanted()) return;
  deps.log.info({ slug, host: host.name }, 'containers taken down');
  const reason = 'TakenDown';
  const message = 'its manifest was removed: its containers are gone, its files and volumes stay';
  tell(context, runtime, { kind: 'TakenDown', severity: 'info', reason, message });
  end(context, runtime, { type: 'Normal', reason, message });
}

/** One that was renamed is another one at the same place, and is not to be taken down. */
function isElses({ state }: WatchContext, { status }: InstanceRuntime): boolean {
  const { host, project, directory } = status;
  return [...state.entries.values()].some(
    ({ instance }) => instance.host === host && (instance.project === project || instance.directory === directory),
  );
}

/** Why it may still be meant; null when it is not. */
function doubtOf({ state, deps }: WatchContext, { status, downAtMs }: InstanceRuntime): Doubt | null {
  const waitMs = downAtMs - deps.clock.nowMs();
  if (waitMs > 0) return { waitMs, message: null };
  if (state.hasProblems && !state.hosts.has(status.host))
    return {
      waitMs: DOUBT_MS,
      message: 'its manifest was removed, and that of its host cannot be found or has problems',
    };
  for (const { status: other } of state.runtimes.values()) {
    if (other.desiredDigest !== '') continue;
    const message = `its manifest was removed, and the new instance "${other.slug}" has problems: it may be the same one`;
    return { waitMs: DOUBT_MS, message };
  }
  return null;
}

interface Doubt {
  waitMs: number;
  /** null where it is only to be waited for. */
  message: string | null;
}

/** How long until it is seen again whether desired state has been mended. */
const DOUBT_MS = 30_000;

/** No attempt was made: it counts as none. */
function postpone(context: WatchContext, runtime: InstanceRuntime, { waitMs, message }: Doubt): void {
  const { status } = runtime;
  context.queue.addAfter(status.slug, waitMs);
  if (message === null) return;
  noteUndone(context, runtime, { reason: 'RemovalHeld', message, failures: status.failures });
}

/** It is still there: says why, in its status and once as a decision. */
function noteUndone(
  { deps, say, setStatus }: WatchContext,
  runtime: InstanceRuntime,
  { reason, message, failures }: { reason: string; message: string; failures: number },
): void {
  const { status } = runtime;
  const at = deps.now();
  say(runtime, { type: 'Warning', reason, message });
  const conditions = [
    condition('Ready', 'False', reason, message, at),
    condition('Reconciling', 'True', 'Removing', message, at),
  ];
  setStatus(runtime, {
    ...status,
    conditions: keepTransitions(status.conditions, conditions),
    failures,
    updatedAt: at.toISOString(),
  });
}

function end(
  context: WatchContext,
  { status }: InstanceRuntime,
  decision: Pick<Decision, 'type' | 'reason' | 'message'>,
): void {
  context.queue.forget(status.slug);
  context.forget(status.slug);
  context.announce({ ...decision, slug: status.slug, host: status.host });
}

/** The revision is one that no longer has it. */
function tell(
  { state: { revision, author }, notify }: WatchContext,
  { status }: InstanceRuntime,
  notice: Pick<Notice, 'kind' | 'severity' | 'reason' | 'message'>,
): void {
  const { slug, host, fleet, imageTag, appliedImageTag } = status;
  notify({
    ...notice,
    slug,
    host,
    fleet,
    revision,
    author,
    fromImageTag: appliedImageTag ?? imageTag,
    toImageTag: null,
  });
}

function failed(context: WatchContext, slug: string, runtime: InstanceRuntime, error: unknown): void {
  const { deps, queue } = context;
  const { host, failures } = runtime.status;
  const { code, message } = toItemError(error);
  queue.retry(slug);
  deps.log.warn({ slug, host, code }, 'cannot take the containers down: tried again');
  noteUndone(context, runtime, { reason: code, message, failures: failures + 1 });
  const severity = ERROR_CODES[code].terminal ? 'error' : 'warning';
  if (!UNTOLD.has(code)) tell(context, runtime, { kind: 'TakeDownFailed', severity, reason: code, message });
}

async function takeDown(context: WatchContext, host: DesiredHost, { status }: InstanceRuntime): Promise<void> {
  const { state, links, stopping } = context;
  const { slug, project, directory, failures } = status;
  const driver = links.driverOf(host);
  const [observed] = await driver.observe([{ slug, project, directory, paths: [] }], { signal: stopping });
  if (!observed) throw new FlotillaError('Internal', 'the host left it out of its observation');
  if (observed.error) throw new FlotillaError(observed.error.code, observed.error.message);
  const revision = state.revision ?? '';
  // What a failed attempt left can be networks alone, which nobody observes.
  const removed = { slug, project, directory, host: host.name, timeouts: TIMEOUTS, revision, unfinished: failures > 0 };
  const plan = planDown(removed, observed);
  if (plan.gate) throw new FlotillaError('Locked', plan.gate.message);
  if (plan.operations.length > 0) await applyDown(context, status, driver, plan);
}

/** One apply as any other, for the history and the metrics: the tag stays what it was. */
async function applyDown(
  { deps, state: { author }, stopping }: WatchContext,
  { fleet, imageTag, appliedImageTag }: InstanceStatus,
  driver: TenantDriver,
  plan: Plan,
): Promise<void> {
  const { writer, observer, clock, now } = deps;
  const id = deps.newId();
  const tag = plan.fromImageTag ?? appliedImageTag ?? imageTag;
  const tagged = { ...plan, fromImageTag: tag, imageTag: tag };
  const record = recordUpgrade({ id, fleet, author, plan: tagged, startedAt: now() }, clock.nowMs);
  const begunMs = clock.nowMs();
  const ended = (item: Parameters<typeof record.ended>[0]) => {
    void writer.recordUpgrade(record.ended(item, false, now()));
    const seconds = (clock.nowMs() - begunMs) / 1_000;
    observer.upgraded({ result: upgradeResultOf(item, false), cause: 'other', seconds });
  };
  void writer.recordUpgrade(record.begun());
  try {
    const request = { plan, content: { files: [] }, reconcileId: id };
    const applied = await driver.apply(request, { signal: stopping, onProgress: record.progress });
    ended({ result: 'converged', plan, error: null, applied });
  } catch (error) {
    ended({ result: 'failed', plan, error: toItemError(error), applied: null });
    throw error;
  }
}
