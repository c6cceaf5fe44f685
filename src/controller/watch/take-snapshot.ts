import type { Problem } from '../../errors.js';
import type { InstanceStatus } from '../../history/instance-status.js';
import type { DesiredHost } from '../../manifest/desired-state.js';
import type { Snapshot } from '../../source/source.js';
import { formatPlace } from '../format-problem.js';
import { type Acceptance, acceptSnapshot } from './accept-snapshot.js';
import type { DesiredEntry } from './desired-entry.js';
import { knownInstances } from './fleet-state.js';
import { createRuntime } from './instance-runtime.js';
import { condition, findCondition, keepTransitions, pendingStatus, withHeld } from './next-status.js';
import { findShrink, type Shrink } from './shrink-guard.js';
import type { WatchContext } from './watch-context.js';

/**
 * Takes a snapshot as desired state, and enqueues the instances of which something else is desired than before, and no
 * others. False: it would take most instances away, and waits for somebody to confirm it.
 */
export async function takeSnapshot(context: WatchContext, snapshot: Snapshot): Promise<boolean> {
  const { deps, settings, state } = context;
  const known = knownInstances(state);
  const acceptance = await acceptSnapshot(known, snapshot);
  const shrink = findShrink({ before: known.size, removed: acceptance.removed.length, shrinkTo: settings.shrinkTo });
  if (shrink && !isConfirmed(snapshot.revision, await deps.readConfirmed())) {
    refuse(context, snapshot, shrink);
    return false;
  }
  state.revision = snapshot.revision;
  state.author = snapshot.author;
  state.entries = acceptance.entries;
  state.hosts = snapshot.desired.hosts;
  for (const slug of acceptance.changed) change(context, acceptance.entries.get(slug) as DesiredEntry);
  for (const [slug, problems] of acceptance.held) hold(context, slug, problems, snapshot);
  for (const slug of acceptance.removed) remove(context, slug);
  release(context, acceptance);
  context.links.set(hostsInUse(context));
  report(context, snapshot, acceptance);
  // Not awaited: while the disk is full, the fleet is kept all the same.
  void deps.writer.recordAccepted({
    revision: snapshot.revision,
    author: snapshot.author,
    at: deps.now().toISOString(),
    instances: acceptance.entries.size,
    problems: snapshot.desired.problems.length,
  });
  return true;
}

/** A commit may be confirmed by the beginning of its hash, as git takes it. */
export function isConfirmed(revision: string, confirmed: string | null): boolean {
  if (confirmed === null) return false;
  return confirmed === revision || (/^[0-9a-f]{7,40}$/.test(confirmed) && revision.startsWith(confirmed));
}

function refuse(context: WatchContext, { revision, author }: Snapshot, { message, before, after }: Shrink): void {
  const { log } = context.deps;
  log.error({ revision, before, after }, 'revision refused: flotilla confirm takes it all the same');
  const text = `${message}; flotilla confirm ${revision} takes it all the same`;
  context.announce({ type: 'Warning', reason: 'SourceRefused', message: text, revision });
  context.notify({
    ...OF_SOURCE,
    kind: 'SourceRefused',
    severity: 'error',
    revision,
    author,
    reason: 'Shrunk',
    message: text,
  });
}

const OF_SOURCE = { slug: null, host: null, fleet: null, fromImageTag: null, toImageTag: null };

function change(context: WatchContext, entry: DesiredEntry): void {
  const { state, deps, queue } = context;
  const { slug, host } = entry.instance;
  const before = state.runtimes.get(slug);
  const status = pendingStatus(entry, before?.status ?? null, deps.now());
  // Without conditions at first: what is set below is then seen to be new, and written.
  const runtime = before ?? createRuntime({ ...status, conditions: [] });
  if (before && before.status.host !== host) sayMoved(context, before.status, host);
  state.runtimes.set(slug, runtime);
  runtime.stalled = false;
  runtime.removing = false;
  runtime.inSync = null;
  runtime.progress.settled();
  context.setStatus(runtime, status);
  runtime.supersede?.abort();
  queue.forget(slug);
  queue.add(slug);
}

function sayMoved(context: WatchContext, { slug, host: from }: InstanceStatus, to: string): void {
  const message = `moved from host ${from} to ${to}: what runs on ${from} is left as it is`;
  context.deps.log.warn({ slug, from, to }, 'instance moved: the old host is left as it is');
  context.announce({ type: 'Warning', reason: 'Moved', message, slug, host: from });
}

/** What is wrong with it is in its status; what runs of it stays and is kept as it was last desired. */
function hold(context: WatchContext, slug: string, problems: readonly Problem[], { revision }: Snapshot): void {
  const { state, deps } = context;
  const at = deps.now();
  const runtime = state.runtimes.get(slug) ?? createRuntime(brokenStatus(slug, revision, at));
  state.runtimes.set(slug, runtime);
  runtime.removing = false;
  const { status } = runtime;
  const conditions = keepTransitions(status.conditions, withHeld(status.conditions, problems, at));
  context.setStatus(runtime, { ...status, conditions, updatedAt: at.toISOString() });
  const message = findCondition(runtime.status, 'Stalled')?.message ?? '';
  context.say(runtime, { type: 'Warning', reason: 'DesiredStateInvalid', message });
}

/** Of an instance that was never in order. */
function brokenStatus(slug: string, revision: string, at: Date): InstanceStatus {
  return {
    slug,
    host: '',
    fleet: null,
    imageTag: '',
    appliedImageTag: null,
    desiredRevision: revision,
    desiredDigest: '',
    attemptedRevision: null,
    appliedRevision: null,
    conditions: [condition('Ready', 'False', 'DesiredStateInvalid', 'its desired state has problems', at)],
    failures: 0,
    nextAttemptAt: null,
    updatedAt: at.toISOString(),
    project: slug,
    directory: slug,
    deletionPolicy: 'Orphan',
  };
}

/** Those that were held, and are in order again without anything else being desired of them. */
function release(context: WatchContext, { entries, held }: Acceptance): void {
  const { state, deps } = context;
  for (const [slug, runtime] of state.runtimes) {
    if (findCondition(runtime.status, 'Stalled')?.reason !== 'DesiredStateInvalid') continue;
    if (held.has(slug) || !entries.has(slug)) continue;
    const { status } = runtime;
    const conditions = status.conditions.filter(({ type }) => type !== 'Stalled');
    context.setStatus(runtime, { ...status, conditions, updatedAt: deps.now().toISOString() });
    context.say(runtime, {
      type: 'Normal',
      reason: 'DesiredStateValid',
      message: 'its desired state is in order again',
    });
  }
}

function remove(context: WatchContext, slug: string): void {
  const { state, deps, queue } = context;
  const runtime = state.runtimes.get(slug);
  if (!runtime || runtime.removing) return;
  const { host, deletionPolicy } = runtime.status;
  runtime.supersede?.abort();
  deps.log.info({ slug, host, deletionPolicy }, 'manifest removed');
  if (deletionPolicy === 'Down' && host !== '') {
    runtime.removing = true;
    runtime.stalled = false;
    queue.forget(slug);
    queue.add(slug);
    return;
  }
  queue.remove(slug);
  context.forget(slug);
  const message = 'its manifest was removed: its files and containers stay as they are';
  context.announce({ type: 'Normal', reason: 'Orphaned', message, slug, host });
}

/** Hosts that something is to be done on. A held instance may need one that the revision no longer describes. */
function hostsInUse({ state }: WatchContext): Iterable<DesiredHost> {
  const used = new Map<string, DesiredHost>();
  for (const { host } of state.entries.values()) {
    if (!used.has(host.name)) used.set(host.name, state.hosts.get(host.name) ?? host);
  }
  for (const { removing, status } of state.runtimes.values()) {
    const host = removing ? state.hosts.get(status.host) : undefined;
    if (host) used.set(host.name, host);
  }
  return used.values();
}

function report(
  context: WatchContext,
  { revision, author, desired }: Snapshot,
  { entries, changed, removed, held }: Acceptance,
): void {
  const { log, observer } = context.deps;
  const { problems } = desired;
  const counts = { instances: entries.size, changed: changed.length, removed: removed.length, held: held.size };
  log.info({ revision, author, ...counts, problems: problems.length }, 'revision accepted');
  for (const problem of problems.slice(0, MOST_LOGGED))
    log.error(
      { place: formatPlace(problem), code: problem.code, slug: problem.slug, problem: problem.message },
      'desired state has a problem',
    );
  observer.problems(problems.length);
  const first = problems[0];
  const text =
    first === undefined
      ? 'desired state is in order'
      : `${problems.length} problems, ${held.size} instances held: ${formatPlace(first)}: ${first.message}`;
  if (first) context.announce({ type: 'Warning', reason: 'DesiredStateInvalid', message: text });
  const common = { ...OF_SOURCE, revision, author, message: text };
  if (first) context.notify({ ...common, kind: 'SourceFailed', severity: 'error', reason: first.code });
  else context.notify({ ...common, kind: 'SourceRecovered', severity: 'info', reason: 'Accepted' });
}

/** How many problems of a revision are logged one by one. */
const MOST_LOGGED = 20;
