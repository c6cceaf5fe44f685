import type { Decision } from '../../history/history-store.js';
import { oneLine } from '../../plan/format-safe.js';
import { columnWidths, formatAge, formatRow } from '../table.js';

const HEAD = ['AGE', 'TYPE', 'REASON', 'SLUG', 'MESSAGE'];

export interface EventTable {
  /** The titles; ends in a line feed, as every row does. */
  head: string;
  row(decision: Decision, now: Date): string;
}

/** A table whose columns are as wide as the decisions that are there at first need. */
export function createEventTable(decisions: readonly Decision[], now: Date): EventTable {
  const widths = columnWidths(
    HEAD,
    decisions.map((decision) => cellsOf(decision, now)),
  );
  return {
    head: formatRow(HEAD, widths),
    row: (decision, at) => formatRow(cellsOf(decision, at), widths),
  };
}

function cellsOf({ at, type, reason, slug, message }: Decision, now: Date): string[] {
  return [formatAge(at, now), type, reason, slug ?? '-', oneLine(message)];
}
