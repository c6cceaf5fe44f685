/** Samples beside those of a floor. */
export interface Figure {
  name: string;
  /** What the floor is, in words. */
  floor: string;
  unit: 'ms' | 's' | 'MiB' | '% of a core';
  ours: readonly number[];
  floors: readonly number[];
  target: string;
  met: boolean;
  /** What else is worth knowing. */
  notes?: readonly string[];
}

export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The smallest sample that at least 99 of 100 are not above. */
export function p99(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.NaN;
}

/** For people. */
export function formatFigures(figures: readonly Figure[]): string {
  return figures.map(formatFigure).join('\n');
}

function formatFigure({ name, floor, unit, ours, floors, target, met, notes = [] }: Figure): string {
  const row = (what: string, samples: readonly number[]) => {
    const numbers = [Math.min(...samples), median(samples), p99(samples), Math.max(...samples)];
    return `  ${what.padEnd(6)}${numbers.map((number) => number.toFixed(number < 10 ? 2 : 0).padStart(9)).join('')}`;
  };
  const head = `  ${unit.padEnd(6)}${['min', 'median', 'p99', 'max'].map((title) => title.padStart(9)).join('')}`;
  const rows = [row('ours', ours), ...(floors.length > 0 ? [row('floor', floors)] : [])];
  const tail = [
    `  target: ${target}: ${met ? 'met' : 'MISSED'} (${ours.length} samples)`,
    ...notes.map((note) => `  ${note}`),
  ];
  return `${[name, `  floor: ${floor}`, head, ...rows, ...tail].join('\n')}\n`;
}
