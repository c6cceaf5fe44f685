import type { HistoryStore, StoredDecision } from '../../history/history-store.js';
import { createContext, type SharedOptions } from '../context.js';
import { EXIT_DONE } from '../exit-code.js';
import type { Io } from '../io.js';
import { formatDocument, formatStreamed } from '../print-report.js';
import { createEventTable } from './event-rows.js';
import { followUntilInterrupted } from './follow-history.js';
import { openHistory } from './open-history.js';
import { requireKnown } from './require-known.js';

interface Options extends Pick<SharedOptions, 'color'> {
  io: Io;
  state: string;
  limit: number;
  types?: StoredDecision['type'];
  watch?: boolean;
  format: 'text' | 'json' | 'yaml';
}

const POLL_MS = 500;
/** How many are read to find those of one type, and at most between two looks. */
const MANY = 10_000;

/**
 * `flotilla events [SLUG]`: the last decisions of the daemon, oldest first; with --watch those that come, until Ctrl-C.
 *
 * @throws FlotillaError HistoryUnavailable; InstanceNotFound for a slug that the daemon never had to do with
 */
export async function eventsCommand({ slug }: { slug?: string }, options: Options): Promise<number> {
  await createContext(options.io, options);
  const store = await openHistory(options.state);
  try {
    const latest = await read(store, { slug, limit: options.types === undefined ? options.limit : MANY });
    if (slug !== undefined && latest.length === 0) await requireKnown(store, slug);
    const shown = ofType(latest, options.types).slice(-options.limit);
    if (options.watch) return await watch(store, slug, shown, latest.at(-1)?.sequence ?? 0, options);
    await options.io.out.write(await printList(shown, options.format));
    return EXIT_DONE;
  } finally {
    await store.close();
  }
}

function read(
  store: HistoryStore,
  { slug, ...query }: { slug: string | undefined; limit: number; after?: number },
): Promise<StoredDecision[]> {
  return store.decisions(slug === undefined ? query : { ...query, slug });
}

function ofType(decisions: readonly StoredDecision[], type: Options['types']): StoredDecision[] {
  return decisions.filter((decision) => type === undefined || decision.type === type);
}

async function printList(decisions: readonly StoredDecision[], format: Options['format']): Promise<string> {
  if (format !== 'text')
    return formatDocument({ apiVersion: 'flotilla.dev/v1', kind: 'EventList', items: decisions }, format);
  if (decisions.length === 0) return 'no event has been recorded yet\n';
  const table = createEventTable(decisions, new Date());
  return table.head + decisions.map((decision) => table.row(decision, new Date())).join('');
}

async function watch(
  store: HistoryStore,
  slug: string | undefined,
  shown: readonly StoredDecision[],
  last: number,
  { io, types, format }: Options,
): Promise<number> {
  const table = createEventTable(shown, new Date());
  const print = (decision: StoredDecision) =>
    format === 'text'
      ? table.row(decision, new Date())
      : formatStreamed({ apiVersion: 'flotilla.dev/v1', kind: 'Event', ...decision }, format);
  if (format === 'text') await io.out.write(table.head);
  for (const decision of shown) await io.out.write(await print(decision));
  let after = last;
  const look = async () => {
    const fresh = await read(store, { slug, limit: MANY, after });
    after = fresh.at(-1)?.sequence ?? after;
    for (const decision of ofType(fresh, types)) await io.out.write(await print(decision));
    return io.out.closed();
  };
  return followUntilInterrupted(store, look, POLL_MS);
}
