import type { Sample } from './measure.js';

export interface Comparison {
  name: string;
  /** What the floor is, in words. */
  floor: string;
  /** The most that ours may be, as a multiple of the floor. */
  target: number;
  runs: number;
  /** Added to the floor: time that both must spend by contract. */
  addedMs?: number;
  measureOurs(run: number): Promise<Sample>;
  measureFloor(run: number): Promise<Sample>;
  /** MiB; measured apart from the times. */
  measurePeak?(): Promise<number>;
  peakTargetMiB?: number;
}

export interface Result {
  name: string;
  floor: string;
  oursMs: number;
  floorMs: number;
  /** The median of the ratios of the pairs. */
  ratio: number;
  target: number;
  /** The same of processor time, which other work on the machine disturbs less. */
  cpuRatio: number | null;
  ratios: number[];
  peakMiB: number | null;
  peakTargetMiB: number | null;
}

/** Runs both sides in turn, so that what else the machine does meets both: once to warm up, then `runs` times. */
export async function compare(comparison: Comparison): Promise<Result> {
  const { name, floor, target, runs, addedMs = 0, peakTargetMiB } = comparison;
  const pairs: { ours: Sample; floor: Sample }[] = [];
  for (let run = 0; run <= runs; run++) {
    const ours = await comparison.measureOurs(run);
    const bare = await comparison.measureFloor(run);
    if (run > 0) pairs.push({ ours, floor: { wallMs: bare.wallMs + addedMs, cpuMs: bare.cpuMs } });
  }
  const peak = (await comparison.measurePeak?.()) ?? Number.NaN;
  const ratios = pairs.map((pair) => pair.ours.wallMs / pair.floor.wallMs);
  return {
    name,
    floor,
    oursMs: median(pairs.map((pair) => pair.ours.wallMs)),
    floorMs: median(pairs.map((pair) => pair.floor.wallMs)),
    ratio: median(ratios),
    target,
    cpuRatio: orNull(median(pairs.map((pair) => pair.ours.cpuMs / pair.floor.cpuMs))),
    ratios,
    peakMiB: orNull(peak),
    peakTargetMiB: peakTargetMiB ?? null,
  };
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function orNull(number: number): number | null {
  return Number.isFinite(number) ? number : null;
}
