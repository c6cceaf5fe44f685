import type { DesiredHost } from '../../manifest/desired-state.js';
import type { Snapshot } from '../../source/source.js';
import { type Acceptance, acceptSnapshot, type KnownInstance } from './accept-snapshot.js';
import { applyAcceptance, leaveAlone } from './apply-acceptance.js';
import type { DesiredEntry } from './desired-entry.js';
import { knownInstances } from './fleet-state.js';
import { heldBefore } from './next-status.js';
import { recallEntries } from './recall-entries.js';
import { reportSnapshot } from './report-snapshot.js';
import { findShrink, type Shrink } from './shrink-guard.js';
import { ABOUT_SOURCE } from './teller.js';
import type { WatchContext } from './watch-context.js';

/**
 * Takes a snapshot as desired state, and enqueues the instances of which something else is desired than before, and no
 * others. False: it would take most instances away, and waits for somebody to confirm it.
 */
export async function takeSnapshot(context: WatchContext, snapshot: Snapshot): Promise<boolean> {
  const { deps, settings, state } = context;
  const known = knownInstances(state);
  const seen = await acceptSnapshot(known, snapshot);
  const shrink = findShrink({ before: known.size, removed: seen.removed.length, shrinkTo: settings.shrinkTo });
  if (shrink) {
    if (!isConfirmed(snapshot.revision, await deps.readConfirmed())) {
      refuse(context, snapshot, shrink);
      if (state.revision === null) await goOnWithKnown(context, seen.entries);
      return false;
    }
    await deps.dropConfirmed();
  }
  const isFirst = state.revision === null;
  const acceptance = isFirst ? await withRecalled(context, seen, known) : seen;
  // What was not recalled may only not have been read to its end.
  if (context.stopping.aborted) return false;
  state.revision = snapshot.revision;
  state.author = snapshot.author;
  state.entries = acceptance.entries;
  state.hosts = snapshot.desired.hosts;
  state.hasProblems = snapshot.desired.problems.length > 0;
  applyAcceptance(context, acceptance, isFirst);
  connectHosts(context);
  const problems = reportSnapshot(context, snapshot, acceptance);
  // Not awaited: while the disk is full, the fleet is kept all the same.
  void deps.writer.recordAccepted({
    revision: snapshot.revision,
    author: snapshot.author,
    at: deps.now().toISOString(),
    instances: acceptance.entries.size,
    problems,
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
    ...ABOUT_SOURCE,
    kind: 'SourceRefused',
    severity: 'error',
    revision,
    author,
    reason: 'Shrunk',
    message: text,
  });
}

/** Those that are held, and of which only an earlier process knew at what. */
async function withRecalled(
  context: WatchContext,
  acceptance: Acceptance,
  known: ReadonlyMap<string, KnownInstance>,
): Promise<Acceptance> {
  const { held } = acceptance;
  const entries = new Map(acceptance.entries);
  const lost = [...known].filter(([slug]) => held.has(slug) && !entries.has(slug));
  for (const [slug, entry] of await recallEntries(context, lost))
    entries.set(slug, { ...entry, held: held.get(slug) ?? null });
  return { ...acceptance, entries };
}

/**
 * While no revision can be taken, the fleet is kept as an earlier process had it, as far as that can be found out: `read` is
 * what a revision that was refused says of instances, and holds for those of which it says the same as before.
 */
export async function goOnWithKnown(
  context: WatchContext,
  read: ReadonlyMap<string, DesiredEntry> = new Map(),
): Promise<void> {
  const { state } = context;
  const known = knownInstances(state);
  const kept = new Map<string, DesiredEntry>();
  for (const [slug, { entry, digest }] of known) {
    const same = entry ?? read.get(slug);
    if (same?.digest === digest) kept.set(slug, same);
  }
  const lost = [...known].filter(([slug]) => !kept.has(slug));
  const recalled = await recallEntries(context, lost);
  if (context.stopping.aborted) return;
  for (const [slug, entry] of recalled)
    kept.set(slug, { ...entry, held: heldBefore(state.runtimes.get(slug)?.status) });
  state.entries = kept;
  for (const [slug] of lost) if (!kept.has(slug)) leaveAlone(context, slug);
  connectHosts(context);
}

/** Opens ways to the hosts that something is to be done on, and closes the others. */
function connectHosts(context: WatchContext): void {
  context.links.set(hostsInUse(context));
}

/** A held instance may need one that the revision no longer describes. */
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
