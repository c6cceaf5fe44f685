/** Rows as columns two spaces apart, without borders: made to be read and to be cut by `awk`. Ends in a line feed. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = columnWidths(head, rows);
  return [head, ...rows].map((row) => formatRow(row, widths)).join('');
}

/** How wide each column must be, for rows that come later. */
export function columnWidths(head: readonly string[], rows: readonly (readonly string[])[]): number[] {
  return head.map((title, at) => Math.max(title.length, ...rows.map((row) => (row[at] ?? '').length)));
}

/** One row of a table; a cell that is wider than its column moves the rest. Ends in a line feed. */
export function formatRow(row: readonly string[], widths: readonly number[]): string {
  const cells = row.map((cell, at) => cell.padEnd(widths[at] ?? 0));
  return `${cells.join('  ').trimEnd()}\n`;
}

/** How long ago, in the largest whole unit: `5m`, `3d`; `-` when it never was. */
export function formatAge(iso: string | null, now: Date): string {
  return iso === null ? '-' : formatSpan(now.getTime() - Date.parse(iso));
}

/** How long, in the largest whole unit: `5m`, `3d`; `-` for what is no time. */
export function formatSpan(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (Number.isNaN(seconds)) return '-';
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}
