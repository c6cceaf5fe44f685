import { FlotillaError } from '../../errors.js';
import { nearestName } from '../../manifest/nearest.js';
import { formatDocument } from '../print-report.js';
import { formatTable } from '../table.js';

export type GetFormat = 'text' | 'wide' | 'json' | 'yaml' | 'name';

/** What `flotilla get` prints, before it is known in which format. */
export interface Listing {
  kind: string;
  head: readonly string[];
  /** Further columns of `-o wide`. */
  wideHead: readonly string[];
  rows: readonly Row[];
}

export interface Row {
  name: string;
  cells: readonly string[];
  wideCells: readonly string[];
  /** For machines. */
  document: Readonly<Record<string, unknown>>;
}

/** A listing as standard output gets it. */
export async function printListing({ head, wideHead, rows, kind }: Listing, format: GetFormat): Promise<string> {
  switch (format) {
    case 'text':
      return formatTable(
        head,
        rows.map((row) => row.cells),
      );
    case 'wide':
      return formatTable(
        [...head, ...wideHead],
        rows.map((row) => [...row.cells, ...row.wideCells]),
      );
    case 'name':
      return rows.map((row) => `${row.name}\n`).join('');
    default:
      return formatDocument({ apiVersion: 'flotilla.dev/v1', kind, items: rows.map((row) => row.document) }, format);
  }
}

/**
 * Only the rows named, or all when none is.
 *
 * @param missing says that there is no row of a name, as in `no manifest has a host named "x"`
 * @throws FlotillaError UsageInvalid with the nearest name
 */
export function chooseRows(listing: Listing, names: readonly string[], missing: (name: string) => string): Listing {
  const known = listing.rows.map((row) => row.name);
  for (const name of names) {
    if (known.includes(name)) continue;
    const near = nearestName(name, known);
    throw new FlotillaError('UsageInvalid', missing(name), near ? { hint: `did you mean "${near}"?` } : {});
  }
  return names.length === 0 ? listing : { ...listing, rows: listing.rows.filter((row) => names.includes(row.name)) };
}
