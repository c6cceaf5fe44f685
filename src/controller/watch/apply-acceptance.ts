import type { Problem } from '../../errors.js';
import type { InstanceStatus } from '../../history/instance-status.js';
import type { Acceptance } from './accept-snapshot.js';
import type { DesiredEntry } from './desired-entry.js';
import type { FleetState } from './fleet-state.js';
import { createRuntime, type InstanceRuntime } from './instance-runtime.js';
import { findCondition, heldBefore, keepTransitions, leftConditions, pendingStatus, withHeld } from './next-status.js';
import type { WatchContext } from './watch-context.js';

/**
 * Brings what is known of each instance in line with a revision that was just taken, and enqueues those with something to do.
 * With the first one every host is looked at, which finds them at a fraction of the cost.
 */
export function applyAcceptance(context: WatchContext, acceptance: Acceptance, isFirst: boolean): void {
  const { state, queue } = context;
  for (const slug of acceptance.changed) {
    change(context, acceptance.entries.get(slug) as DesiredEntry);
    if (!isFirst) queue.add(slug);
  }
  for (const [slug, problems] of acceptance.held) hold(context, slug, problems);
  for (const slug of acceptance.removed) remove(context, slug);
  // Those that an earlier process was to take down.
  if (isFirst) for (const runtime of state.runtimes.values()) if (runtime.status.removing) downLater(context, runtime);
  release(context, acceptance);
}

function change(context: WatchContext, entry: DesiredEntry): void {
  const { state, deps, queue } = context;
  const { slug, host } = entry.instance;
  const before = state.runtimes.get(slug);
  const status = pendingStatus(entry, before?.status ?? null, deps.now());
  // Without conditions at first: what is set below is then seen to be new, and written.
  const runtime = before ?? createRuntime({ ...status, conditions: [] });
  if (before && before.status.host !== '' && before.status.host !== host) sayMoved(context, before.status, host);
  state.runtimes.set(slug, runtime);
  runtime.stalled = false;
  runtime.inSync = null;
  runtime.progress.reset();
  context.setStatus(runtime, status);
  runtime.supersede?.abort();
  queue.forget(slug);
}

function sayMoved(context: WatchContext, { slug, host: from }: InstanceStatus, to: string): void {
  const message = `moved from host ${from} to ${to}: what runs on ${from} is left as it is`;
  context.deps.log.warn({ slug, from, to }, 'instance moved: the old host is left as it is');
  context.announce({ type: 'Warning', reason: 'Moved', message, slug, host: from });
}

/** What is wrong with it is in its status; what runs of it stays and is kept as it was last desired. */
function hold(context: WatchContext, slug: string, problems: readonly Problem[]): void {
  const { state, deps } = context;
  const at = deps.now();
  const runtime = state.runtimes.get(slug) ?? createRuntime(brokenStatus(slug, state, at));
  state.runtimes.set(slug, runtime);
  const { status } = runtime;
  const isKept = state.entries.has(slug);
  const held = isKept ? withHeld(status.conditions, problems, at) : leftConditions(status, problems, at);
  const conditions = keepTransitions(status.conditions, held);
  const failures = status.removing ? 0 : status.failures;
  context.setStatus(runtime, { ...status, conditions, removing: false, failures, updatedAt: at.toISOString() });
  const message = findCondition(runtime.status, 'Stalled')?.message ?? '';
  context.say(runtime, { type: 'Warning', reason: 'DesiredStateInvalid', message });
}

/** Nothing is known of what is desired of it, so nothing is done about it, and nobody looks. */
export function leaveAlone(context: WatchContext, slug: string): void {
  const { state, deps } = context;
  const runtime = state.runtimes.get(slug);
  if (!runtime) return;
  const { status } = runtime;
  const at = deps.now();
  const conditions = keepTransitions(status.conditions, leftConditions(status, heldBefore(status) ?? [], at));
  context.setStatus(runtime, { ...status, conditions, updatedAt: at.toISOString() });
}

/** Of an instance that was never in order. */
function brokenStatus(slug: string, { revision, author }: FleetState, at: Date): InstanceStatus {
  return {
    slug,
    host: '',
    fleet: null,
    imageTag: '',
    appliedImageTag: null,
    desiredRevision: revision ?? '',
    desiredAuthor: author,
    desiredDigest: '',
    attemptedRevision: null,
    appliedRevision: null,
    conditions: [],
    failures: 0,
    nextAttemptAt: null,
    updatedAt: at.toISOString(),
    project: slug,
    directory: slug,
    deletionPolicy: 'Orphan',
    removing: false,
  };
}

/** Those that were held, and are in order again without anything else being desired of them. */
function release(context: WatchContext, { entries, held }: Acceptance): void {
  const { state, deps, queue } = context;
  for (const [slug, runtime] of state.runtimes) {
    if (findCondition(runtime.status, 'Stalled')?.reason !== 'DesiredStateInvalid') continue;
    if (held.has(slug) || !entries.has(slug)) continue;
    const { status } = runtime;
    const conditions = status.conditions.filter(({ type }) => type !== 'Stalled');
    context.setStatus(runtime, { ...status, conditions, failures: 0, updatedAt: deps.now().toISOString() });
    // Whatever it was before it was held: nobody has looked at it as it is desired now.
    runtime.stalled = false;
    queue.forget(slug);
    queue.add(slug);
    context.say(runtime, {
      type: 'Normal',
      reason: 'DesiredStateValid',
      message: 'its desired state is in order again',
    });
  }
}

/** A manifest that is moved, or a checkout that is read half done, is gone for a moment only. */
const DOWN_AFTER_MS = 10_000;

function remove(context: WatchContext, slug: string): void {
  const { state, deps, queue } = context;
  const runtime = state.runtimes.get(slug);
  if (!runtime) return;
  const { status } = runtime;
  const { host, deletionPolicy } = status;
  runtime.supersede?.abort();
  deps.log.info({ slug, host, deletionPolicy }, 'manifest removed');
  queue.forget(slug);
  if (deletionPolicy === 'Down' && host !== '') {
    runtime.stalled = false;
    context.setStatus(runtime, { ...status, removing: true, failures: 0, updatedAt: deps.now().toISOString() });
    downLater(context, runtime);
    return;
  }
  queue.remove(slug);
  context.forget(slug);
  const message = 'its manifest was removed: its files and containers stay as they are';
  context.announce({ type: 'Normal', reason: 'Orphaned', message, slug, host });
}

function downLater({ deps, queue }: WatchContext, runtime: InstanceRuntime): void {
  runtime.downAtMs = deps.clock.nowMs() + DOWN_AFTER_MS;
  queue.addAfter(runtime.status.slug, DOWN_AFTER_MS);
}
