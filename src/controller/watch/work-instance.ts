import type { Condition, InstanceStatus } from '../../history/instance-status.js';
import { describeDrift } from '../../plan/describe-drift.js';
import type { Plan } from '../../plan/plan.js';
import { toConditions } from '../conditions.js';
import type { DesiredEntry } from './desired-entry.js';
import { type Pass, passInstance } from './instance-pass.js';
import type { InstanceRuntime } from './instance-runtime.js';
import { logPass } from './log-pass.js';
import { condition, findCondition, keepTransitions, withHeld } from './next-status.js';
import { gaveNoAnswer } from './no-answer.js';
import { noticeAbout, tell } from './teller.js';
import { causeOf, type UpgradeRecord, upgradeResultOf } from './upgrade-record.js';
import { judge, type Next } from './verdict.js';
import type { WatchContext } from './watch-context.js';

/** A killed container is told of before the engine's list shows it: what looks in order then is looked at again, so often. */
const LOOK_AGAIN_MS = [100, 300] as const;
export const LOOKS_AFTER_A_DEATH = LOOK_AGAIN_MS.length;

/** What the queue does with one instance: a pass over it, and everything that follows from what came of it. */
export async function workInstance(
  context: WatchContext,
  entry: DesiredEntry,
  runtime: InstanceRuntime,
): Promise<void> {
  const { deps, links, stopping } = context;
  const { slug } = entry.instance;
  const begun = deps.clock.nowMs();
  const reconcileId = deps.newId();
  const log = deps.log.child({ slug, reconcileId });
  const looks = runtime.looksLeft;
  runtime.looksLeft = 0;
  const made = await passInstance({
    entry,
    runtime,
    driver: () => links.driverOf(entry.host),
    renderer: deps.renderer,
    reconcileId,
    now: deps.now,
    nowMs: deps.clock.nowMs,
    signal: stopping,
    isCurrent: () => isCurrent(context, entry),
    onApply: (record, plan) => {
      log.info(
        { host: entry.host.name, cause: causeOf(plan), from: plan.fromImageTag, to: plan.imageTag },
        'apply begins',
      );
      begin(context, entry, runtime, record, plan);
    },
  });
  runtime.supersede = null;
  if (made === null) return;
  const pass = stopping.aborted && isCurrent(context, entry) ? asInterrupted(made) : made;
  const seconds = (deps.clock.nowMs() - begun) / 1_000;
  observe(context, pass, seconds);
  logPass(log, pass, seconds);
  settle(context, entry, runtime, pass);
  if (looks > 0 && pass.item.result === 'inSync') lookLater(context, runtime, looks);
}

/** An event meanwhile has it looked at as often as any other does. */
function lookLater({ queue }: WatchContext, runtime: InstanceRuntime, looks: number): void {
  runtime.looksLeft = Math.max(runtime.looksLeft, looks - 1);
  queue.addAfter(runtime.status.slug, LOOK_AGAIN_MS[LOOK_AGAIN_MS.length - looks] ?? 0);
}

function isCurrent({ state }: WatchContext, { instance, digest }: DesiredEntry): boolean {
  return state.entries.get(instance.slug)?.digest === digest;
}

/** A health wait that was cut short because the daemon stops: nothing newer is desired. */
function asInterrupted(pass: Pass): Pass {
  const { error } = pass.item;
  if (error?.code !== 'Superseded') return pass;
  const message = 'the daemon stopped while it waited for health';
  return { ...pass, item: { ...pass.item, error: { ...error, code: 'Cancelled', message } } };
}

function begin(
  context: WatchContext,
  entry: DesiredEntry,
  runtime: InstanceRuntime,
  record: UpgradeRecord,
  plan: Plan,
): void {
  const { deps } = context;
  const at = deps.now();
  const drift = describeDrift(plan);
  if (drift) deps.observer.driftSeen(drift.kind);
  void deps.writer.recordUpgrade(record.begun());
  const { status } = runtime;
  const conditions = [
    condition('Ready', 'False', 'Applying', causeOf(plan), at),
    condition('Reconciling', 'True', 'Applying', causeOf(plan), at),
    ...(drift ? [condition('Drifted', 'True', drift.reason, drift.message, at)] : []),
  ];
  context.setStatus(runtime, {
    ...status,
    attemptedRevision: entry.tenant.revision,
    conditions: keepTransitions(status.conditions, withHeld(conditions, entry.held, at)),
    nextAttemptAt: null,
    updatedAt: at.toISOString(),
  });
}

function observe({ deps }: WatchContext, { item, record, rolledBack }: Pass, seconds: number): void {
  const { observer } = deps;
  observer.reconciled({ result: item.result, error: item.error?.code ?? '', seconds });
  if (record === null) return;
  const drift = describeDrift(record.plan) !== null;
  const update = record.plan.fromImageTag !== record.plan.imageTag;
  const result = upgradeResultOf(item, rolledBack);
  observer.upgraded({ result, cause: update ? 'update' : drift ? 'drift' : 'other', seconds });
}

/** Everything that follows from what came of a look at an instance. */
export function settle(context: WatchContext, entry: DesiredEntry, runtime: InstanceRuntime, pass: Pass): void {
  const { deps, state } = context;
  const { item, record } = pass;
  const { slug } = entry.instance;
  const at = deps.now();
  if (record) void deps.writer.recordUpgrade(record.ended(item, pass.rolledBack, at));
  if (item.result === 'converged') runtime.progress.applied(deps.clock.nowMs());
  if (item.result === 'inSync') runtime.progress.settled();
  runtime.unreachable = couldNotAsk(pass);
  if (state.runtimes.get(slug) !== runtime || runtime.status.removing) return;
  const current = state.entries.get(slug);
  if (current?.digest !== entry.digest) {
    noteOutdated(context, runtime, pass, entry, at);
    return;
  }
  if (item.error?.code === 'Cancelled' && context.stopping.aborted) return;
  runtime.inSync = item.result === 'inSync' ? pass.observed : null;
  const wasReady = findCondition(runtime.status, 'Ready')?.status === 'True';
  const next = judge(item, pass.terminal, at);
  const nextAttemptMs = schedule(context, slug, runtime, next);
  context.setStatus(runtime, toStatus(current, runtime.status, pass, { at, nextAttemptMs, next }));
  if (item.result === 'inSync' && wasReady) return;
  const { decision, notice } = tell(pass);
  if (decision) context.say(runtime, decision);
  if (notice) context.notify({ ...noticeAbout(entry, item.plan), ...notice });
}

/** Something else is desired meanwhile, and waits in the queue: only what was done is noted. */
function noteOutdated(
  context: WatchContext,
  runtime: InstanceRuntime,
  { item, record }: Pass,
  entry: DesiredEntry,
  at: Date,
): void {
  if (record === null) return;
  const applied =
    item.result === 'converged' ? { appliedRevision: entry.tenant.revision, appliedImageTag: item.imageTag } : {};
  context.setStatus(runtime, {
    ...runtime.status,
    attemptedRevision: entry.tenant.revision,
    ...applied,
    updatedAt: at.toISOString(),
  });
}

/** @returns in how many milliseconds it is tried again by itself; null when it is not */
function schedule(context: WatchContext, slug: string, runtime: InstanceRuntime, next: Next): number | null {
  const { queue } = context;
  // First: one that was stalled and could not be looked at is judged again.
  runtime.stalled = next.kind === 'stall';
  if (next.kind === 'retry') return queue.retry(slug);
  queue.forget(slug);
  if (next.kind === 'again') queue.add(slug);
  if (next.kind === 'look') context.look(slug);
  if (next.kind !== 'after') return null;
  queue.addAfter(slug, next.ms);
  return next.ms;
}

function toStatus(
  entry: DesiredEntry,
  before: InstanceStatus,
  pass: Pass,
  { at, nextAttemptMs, next }: { at: Date; nextAttemptMs: number | null; next: Next },
): InstanceStatus {
  const { item, record, observed } = pass;
  const { revision } = entry.tenant;
  const good = item.result === 'inSync' || item.result === 'converged';
  return {
    ...before,
    imageTag: entry.instance.imageTag,
    appliedImageTag: good ? item.imageTag : (verifiedTag(observed) ?? before.appliedImageTag),
    attemptedRevision: good || record ? revision : before.attemptedRevision,
    appliedRevision: good ? revision : before.appliedRevision,
    conditions: keepTransitions(before.conditions, withHeld(conditionsOf(pass, before, at), entry.held, at)),
    failures: next.kind === 'retry' && item.result === 'failed' ? before.failures + 1 : 0,
    nextAttemptAt: nextAttemptMs === null ? null : new Date(at.getTime() + nextAttemptMs).toISOString(),
    updatedAt: at.toISOString(),
  };
}

/** What was there before the pass, if it had come up. */
function verifiedTag(observed: Pass['observed']): string | null {
  return observed?.applied?.outcome === 'verified' ? observed.applied.imageTag : null;
}

function conditionsOf(pass: Pass, before: InstanceStatus, at: Date): readonly Condition[] {
  const { item } = pass;
  const ready = findCondition(before, 'Ready');
  // How it came to be in order is worth more than that it still is.
  if (item.result === 'inSync' && ready?.status === 'True') return [ready];
  const conditions = toConditions(item, at);
  if (!isAway(pass)) return conditions;
  return conditions.map((each) => (each.type === 'Ready' ? { ...each, status: 'Unknown' as const } : each));
}

/** Whatever is the matter with it is over once its host can be asked. */
function couldNotAsk(pass: Pass): boolean {
  const { error } = pass.item;
  return error !== null && (pass.observed === null || error.code === 'EngineUnreachable' || isAway(pass));
}

/** Its host gave no answer: nobody knows how it is. */
function isAway({ item, observed }: Pass): boolean {
  const code = item.error?.code;
  // Later on a time that is out may be that of a pull, and the host there.
  return code === 'HostUnreachable' || (observed === null && code !== undefined && gaveNoAnswer(code));
}
