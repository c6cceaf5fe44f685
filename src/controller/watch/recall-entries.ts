import type { DesiredInstance } from '../../manifest/desired-state.js';
import type { Snapshot } from '../../source/source.js';
import type { KnownInstance } from './accept-snapshot.js';
import { type DesiredEntry, toEntry } from './desired-entry.js';
import type { WatchContext } from './watch-context.js';

/** So many revisions are read at most: a restart must not take long. */
const MOST_REVISIONS = 20;

/**
 * What was desired of instances that only an earlier process knew, by slug: read again from revisions that the source still
 * has, the one in force first, then those that last changed most of the others. Whoever is not found is not in it. Never throws.
 */
export async function recallEntries(
  context: WatchContext,
  known: Iterable<readonly [string, KnownInstance]>,
): Promise<ReadonlyMap<string, DesiredEntry>> {
  // Those that were never in order have nothing to go back to.
  const lost = new Map([...known].filter(([, { digest }]) => digest !== ''));
  const recalled = new Map<string, DesiredEntry>();
  if (lost.size === 0) return recalled;
  const wanted = lost.size;
  const read = new Set<string>();
  let next = await inForce(context);
  while (next !== null && read.size < MOST_REVISIONS) {
    read.add(next);
    const snapshot = await readAt(context, next);
    for (const entry of snapshot ? entriesOf(snapshot, lost) : []) {
      recalled.set(entry.instance.slug, entry);
      lost.delete(entry.instance.slug);
    }
    next = mostCommon(lost.values(), read);
  }
  context.deps.log.info({ wanted, found: recalled.size }, 'earlier desired state was read again');
  return recalled;
}

async function inForce({ deps }: WatchContext): Promise<string | null> {
  const accepted = await deps.store.accepted().catch(() => null);
  return accepted?.revision ?? null;
}

/** The revision that last changed most of them, of those that were not read yet. */
function mostCommon(lost: Iterable<KnownInstance>, read: ReadonlySet<string>): string | null {
  const counts = new Map<string, number>();
  for (const { revision } of lost) if (!read.has(revision)) counts.set(revision, (counts.get(revision) ?? 0) + 1);
  const [most] = [...counts].sort(([, a], [, b]) => b - a);
  return most?.[0] ?? null;
}

async function readAt({ deps, stopping }: WatchContext, revision: string): Promise<Snapshot | null> {
  try {
    return await deps.source.readAt(revision, { signal: stopping });
  } catch (err) {
    if (!stopping.aborted) deps.log.warn({ err, revision }, 'an earlier revision cannot be read');
    return null;
  }
}

/** Only those that render to what they were kept at. */
function entriesOf(snapshot: Snapshot, lost: ReadonlyMap<string, KnownInstance>): DesiredEntry[] {
  return snapshot.desired.instances.flatMap((instance) => {
    const known = lost.get(instance.slug);
    const entry = known && entryOf(snapshot, instance, known);
    return entry && entry.digest === known.digest ? [entry] : [];
  });
}

function entryOf(
  { desired, templates, revision, author }: Snapshot,
  instance: DesiredInstance,
  known: KnownInstance,
): DesiredEntry | null {
  const host = desired.hosts.get(instance.host);
  if (!host) return null;
  try {
    return toEntry({ instance, host, template: templates.use(instance.template), revision, author }, known);
  } catch {
    // It cannot be rendered any more, so it is not known what it was.
    return null;
  }
}
