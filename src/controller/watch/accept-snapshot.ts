import { setImmediate } from 'node:timers/promises';
import { FlotillaError, type Problem } from '../../errors.js';
import type { DesiredInstance } from '../../manifest/desired-state.js';
import type { Snapshot } from '../../source/source.js';
import { type DesiredEntry, type EntryInput, isSameInput, toEntry } from './desired-entry.js';

/** What was desired of an instance before. `entry` is null where only an earlier process knew more. */
export interface KnownInstance {
  digest: string;
  /** The revision that last changed it. */
  revision: string;
  /** Who committed that revision. */
  author: string | null;
  entry: DesiredEntry | null;
}

/** What a snapshot makes of the fleet. */
export interface Acceptance {
  /** By slug: every instance that can be worked on, those held at their last good state included. */
  entries: ReadonlyMap<string, DesiredEntry>;
  /** New ones, and those of which something else is desired than before. Sorted. */
  changed: readonly string[];
  /** No manifest has them any more. Sorted. */
  removed: readonly string[];
  /** What is wrong with those that this revision says nothing usable of. */
  held: ReadonlyMap<string, readonly Problem[]>;
}

/** How long rendering may keep the event loop to itself. */
const SLICE_MS = 15;

/**
 * Compares what a snapshot desires with what was desired before. Only what may render differently is rendered. What is broken
 * holds the instances that need it, and no others, at their last good state; while a file cannot be read, none is removed.
 */
export async function acceptSnapshot(
  known: ReadonlyMap<string, KnownInstance>,
  snapshot: Snapshot,
): Promise<Acceptance> {
  const entries = new Map<string, DesiredEntry>();
  const held = new Map<string, readonly Problem[]>();
  const changed: string[] = [];
  let sliceEnds = performance.now() + SLICE_MS;
  for (const instance of snapshot.desired.instances) {
    const before = known.get(instance.slug);
    const entry = accept(snapshot, instance, before);
    if ('problems' in entry) hold(instance.slug, entry.problems, before);
    else {
      entries.set(instance.slug, entry);
      if (entry.digest !== before?.digest) changed.push(instance.slug);
    }
    if (performance.now() < sliceEnds) continue;
    await setImmediate();
    sliceEnds = performance.now() + SLICE_MS;
  }
  const problems = groupBySlug(snapshot.desired.problems);
  for (const slug of snapshot.desired.brokenSlugs) hold(slug, problems.get(slug) ?? NEEDS_BROKEN, known.get(slug));
  const unreadable = problemsOfUnreadable(snapshot);
  const removed: string[] = [];
  for (const [slug, before] of known) {
    if (entries.has(slug) || held.has(slug)) continue;
    // It may stand in any file that cannot be read, whichever it stood in before.
    if (snapshot.desired.unreadable.length > 0) hold(slug, unreadable, before);
    else removed.push(slug);
  }
  return { entries, changed: changed.sort(), removed: removed.sort(), held };

  function hold(slug: string, found: readonly Problem[], before: KnownInstance | undefined): void {
    held.set(slug, found);
    if (before?.entry) entries.set(slug, { ...before.entry, held: found });
  }
}

/** Broken by its fleet or host: the problem there names no instance. */
const NEEDS_BROKEN: readonly Problem[] = [
  { code: 'ManifestInvalid', message: 'its fleet or host has problems: flotilla validate lists them', file: '' },
];

function accept(
  { desired, templates, revision, author }: Snapshot,
  instance: DesiredInstance,
  before: KnownInstance | undefined,
): DesiredEntry | { problems: readonly Problem[] } {
  try {
    const host = desired.hosts.get(instance.host);
    if (!host) throw new FlotillaError('ManifestInvalid', `no manifest describes host "${instance.host}"`);
    const input: EntryInput = { instance, host, template: templates.use(instance.template), revision, author };
    const entry = before?.entry;
    // With the template as it was read now: each one read before would be kept for as long as an instance does not change.
    if (entry && isSameInput(entry, input)) return { ...entry, template: input.template, held: null };
    return toEntry(input, before ?? null);
  } catch (error) {
    if (!(error instanceof FlotillaError)) throw error;
    const { code, message, problems } = error;
    return { problems: problems.length > 0 ? problems : [{ code, message, ...instance.source }] };
  }
}

function groupBySlug(problems: readonly Problem[]): Map<string, Problem[]> {
  const groups = new Map<string, Problem[]>();
  for (const problem of problems) {
    if (problem.slug === undefined) continue;
    const group = groups.get(problem.slug);
    if (group) group.push(problem);
    else groups.set(problem.slug, [problem]);
  }
  return groups;
}

function problemsOfUnreadable({ desired }: Snapshot): Problem[] {
  const unreadable = new Set(desired.unreadable);
  return desired.problems.filter(({ file }) => unreadable.has(file));
}
