import type { HistoryStore } from '../../history/history-store.js';
import type { InstanceStatus } from '../../history/instance-status.js';
import { formatStreamed } from '../print-report.js';
import { followUntilInterrupted } from '../state/follow-history.js';
import { columnWidths, formatRow } from '../table.js';
import type { GetOptions } from './get-options.js';
import { chooseRows, type GetFormat, type Listing, type Row } from './listing.js';
import { describeRemoved, describeStatus, describeStatuses } from './status-rows.js';

const POLL_MS = 500;

/**
 * Prints every instance, then each one again whenever it has changed, until Ctrl-C or until the reader has gone away. As
 * JSON one document a line, as YAML one document each.
 *
 * @returns 130, or 0 where the reader has gone
 */
export async function watchStatuses(
  store: HistoryStore,
  names: readonly string[],
  { io, format }: Pick<GetOptions, 'io' | 'format'>,
): Promise<number> {
  const missing = (name: string) => `the daemon knows no instance named "${name}"`;
  const listing = chooseRows(describeStatuses(await store.statuses(), new Date()), names, missing);
  const printer = createRowPrinter(listing, format);
  await io.out.write(printer.head);
  const known = new Map<string, InstanceStatus>();
  const look = async () => {
    const statuses = await store.statuses(names.length === 0 ? {} : { slugs: names });
    for (const change of takeChanges(known, statuses, new Date())) await io.out.write(await printer.print(change));
    return io.out.closed();
  };
  return followUntilInterrupted(store, look, POLL_MS);
}

interface Change {
  row: Row;
  removed: boolean;
}

/** What is other than `known`, which is brought up to date. That an instance was looked at again is no change. */
function takeChanges(known: Map<string, InstanceStatus>, statuses: readonly InstanceStatus[], now: Date): Change[] {
  const changed = statuses.filter((status) => textOf(known.get(status.slug)) !== textOf(status));
  const slugs = new Set(statuses.map(({ slug }) => slug));
  const gone = [...known.values()].filter(({ slug }) => !slugs.has(slug));
  for (const status of changed) known.set(status.slug, status);
  for (const { slug } of gone) known.delete(slug);
  return [
    ...changed.map((status) => ({ row: describeStatus(status, now), removed: false })),
    ...gone.map((status) => ({ row: describeRemoved(status), removed: true })),
  ];
}

function textOf(status: InstanceStatus | undefined): string {
  return JSON.stringify({ ...status, updatedAt: null });
}

interface RowPrinter {
  /** What comes first; ends in a line feed unless it is empty. */
  head: string;
  print(change: Change): Promise<string>;
}

/** Columns are as wide as the rows that are there at first need. */
function createRowPrinter({ head, wideHead, rows }: Listing, format: GetFormat): RowPrinter {
  if (format === 'name') return { head: '', print: async ({ row }) => `${row.name}\n` };
  if (format === 'json' || format === 'yaml') {
    const head = { apiVersion: 'flotilla.dev/v1', kind: 'InstanceStatus' };
    return { head: '', print: ({ row, removed }) => formatStreamed({ ...head, ...row.document, removed }, format) };
  }
  const cellsOf = (row: Row) => (format === 'wide' ? [...row.cells, ...row.wideCells] : row.cells);
  const titles = format === 'wide' ? [...head, ...wideHead] : head;
  const widths = columnWidths(titles, rows.map(cellsOf));
  return { head: formatRow(titles, widths), print: async ({ row }) => formatRow(cellsOf(row), widths) };
}
