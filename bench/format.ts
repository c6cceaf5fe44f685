import type { Result } from './compare.js';

/** A table for people. */
export function formatResults(results: readonly Result[]): string {
  const head = ['', 'ours', 'floor', 'ratio', 'target', 'range', 'cpu', 'peak'];
  const rows = results.map((result) => [
    `${result.name}\n  floor: ${result.floor}`,
    formatMs(result.oursMs),
    formatMs(result.floorMs),
    `${result.ratio.toFixed(2)}x`,
    `<= ${result.target}x`,
    `${Math.min(...result.ratios).toFixed(2)}-${Math.max(...result.ratios).toFixed(2)}`,
    result.cpuRatio === null ? '' : `${result.cpuRatio.toFixed(2)}x`,
    result.peakMiB === null ? '' : formatPeak(result.peakMiB, result.peakTargetMiB),
  ]);
  return formatTable([head, ...rows]);
}

function formatMs(ms: number): string {
  return ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

function formatPeak(mib: number, target: number | null): string {
  return `${mib.toFixed(0)} MiB${target === null ? '' : ` (<= ${target})`}`;
}

/** The first column stands above its row: it is long. */
function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => (i === 0 ? 2 : Math.max(...rows.map((row) => row[i]!.length))));
  const line = (cells: readonly string[]) => `  ${cells.map((cell, i) => cell.padStart(widths[i + 1]!)).join('  ')}`;
  return rows.map(([name, ...cells]) => `${name === '' ? '' : `${name}\n`}${line(cells)}\n`).join('\n');
}
