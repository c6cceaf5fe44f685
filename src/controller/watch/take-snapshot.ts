import type { Problem } from '../../errors.js';
import type { InstanceStatus } from '../../history/instance-status.js';
import type { DesiredHost } from '../../manifest/desired-state.js';
import { count } from '../../plan/format-text.js';
import type { Snapshot } from '../../source/source.js';
import { formatPlace } from '../format-problem.js';
import { type Acceptance, acceptSnapshot, type KnownInstance } from './accept-snapshot.js';
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
  if (shrink) {
    if (!isConfirmed(snapshot.revision, await deps.readConfirmed())) {
      refuse(context, snapshot, shrink);
      if (state.revision === null) goOnWithKnown(context, snapshot, acceptance, known);
      return false;
    }
    await deps.dropConfirmed();
  }
  state.revision = snapshot.revision;
  state.author = snapshot.author;
  state.entries = acceptance.entries;
  state.hosts = snapshot.desired.hosts;
  for (const slug of acceptance.changed) change(context, acceptance.entries.get(slug) as DesiredEntry);
  for (const [slug, problems] of acceptance.held) hold(context, slug, problems, snapshot);
  const places = placesInUse(context);
  for (const slug of acceptance.removed) remove(context, slug, places);
  for (const [slug, { status }] of state.runtimes) if (status.removing) context.queue.add(slug);
  release(context, acceptance);
  context.links.set(hostsInUse(context));
  const problems = problemsOf(snapshot, acceptance);
  report(context, snapshot, acceptance, problems);
  // Not awaited: while the disk is full, the fleet is kept all the same.
  void deps.writer.recordAccepted({
    revision: snapshot.revision,
    author: snapshot.author,
    at: deps.now().toISOString(),
    instances: acceptance.entries.size,
    problems: problems.length,
  });
  return true;
}

/** A revision may be confirmed by the beginning of its hash, as git takes it. */
export function isConfirmed(revision: string, confirmed: string | null): boolean {
  if (confirmed === null) return false;
  if (confirmed === revision) return true;
  return /^[0-9a-f]{7,64}$/.test(confirmed) && revision.replace(/^sha256:/, '').startsWith(confirmed);
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

/** What an earlier process kept, and this revision does not change, is kept as before. */
function goOnWithKnown(
  context: WatchContext,
  { desired }: Snapshot,
  { entries }: Acceptance,
  known: ReadonlyMap<string, KnownInstance>,
): void {
  const { state } = context;
  state.entries = new Map([...entries].filter(([slug, { digest }]) => known.get(slug)?.digest === digest));
  state.hosts = desired.hosts;
  context.links.set(hostsInUse(context));
}

const OF_SOURCE = { slug: null, host: null, fleet: null, fromImageTag: null, toImageTag: null };

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
  const { status } = runtime;
  const conditions = keepTransitions(status.conditions, withHeld(status.conditions, problems, at));
  const failures = status.removing ? 0 : status.failures;
  context.setStatus(runtime, { ...status, conditions, removing: false, failures, updatedAt: at.toISOString() });
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

function remove(context: WatchContext, slug: string, places: ReadonlySet<string>): void {
  const { state, deps, queue } = context;
  const runtime = state.runtimes.get(slug);
  if (!runtime) return;
  const { status } = runtime;
  const { host, deletionPolicy } = status;
  runtime.supersede?.abort();
  deps.log.info({ slug, host, deletionPolicy }, 'manifest removed');
  queue.forget(slug);
  const isElses = placesOf(host, status).some((place) => places.has(place));
  if (deletionPolicy === 'Down' && host !== '' && !isElses) {
    runtime.stalled = false;
    context.setStatus(runtime, { ...status, removing: true, failures: 0, updatedAt: deps.now().toISOString() });
    return;
  }
  queue.remove(slug);
  context.forget(slug);
  const why = isElses ? 'another manifest has its directory or project' : 'its files and containers stay as they are';
  context.announce({ type: 'Normal', reason: 'Orphaned', message: `its manifest was removed: ${why}`, slug, host });
}

/** Where instances are: one that was renamed is another one at the same place, and is not to be taken down. */
function placesInUse({ state }: WatchContext): Set<string> {
  return new Set([...state.entries.values()].flatMap(({ instance, host }) => placesOf(host.name, instance)));
}

function placesOf(host: string, { directory, project }: { directory: string; project: string }): string[] {
  return [JSON.stringify([host, 'directory', directory]), JSON.stringify([host, 'project', project])];
}

/** Hosts that something is to be done on. A held instance may need one that the revision no longer describes. */
function hostsInUse({ state }: WatchContext): Iterable<DesiredHost> {
  const used = new Map<string, DesiredHost>();
  for (const { host } of state.entries.values()) {
    if (!used.has(host.name)) used.set(host.name, state.hosts.get(host.name) ?? host);
  }
  for (const { status } of state.runtimes.values()) {
    const host = status.removing ? state.hosts.get(status.host) : undefined;
    if (host) used.set(host.name, host);
  }
  return used.values();
}

/** Each once, also those that only rendering an instance has brought to light. */
function problemsOf({ desired }: Snapshot, { held }: Acceptance): readonly Problem[] {
  const ofInstances = [...held.values()].flat().filter(({ file }) => file !== '');
  const all = [...desired.problems, ...ofInstances];
  return [...new Map(all.map((problem) => [`${formatPlace(problem)} ${problem.message}`, problem])).values()];
}

function report(
  context: WatchContext,
  { revision, author }: Snapshot,
  { entries, changed, removed, held }: Acceptance,
  problems: readonly Problem[],
): void {
  const { log, observer } = context.deps;
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
      : `${count(problems.length, 'problem')}, ${count(held.size, 'instance')} held: ${formatPlace(first)}: ${first.message}`;
  if (first) context.announce({ type: 'Warning', reason: 'DesiredStateInvalid', message: text });
  const common = { ...OF_SOURCE, revision, author, message: text };
  if (first) context.notify({ ...common, kind: 'DesiredStateInvalid', severity: 'error', reason: first.code });
  else context.notify({ ...common, kind: 'DesiredStateValid', severity: 'info', reason: 'Accepted' });
}

/** How many problems of a revision are logged one by one. */
const MOST_LOGGED = 20;
