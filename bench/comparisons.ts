import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Comparison } from './compare.js';
import { type BenchFleet, NEW_TAG, OLD_TAG, writeFleet, writeTenants } from './fleet.js';
import { measure, measurePeak, node } from './measure.js';

/** The built command line, as it is installed. */
export const FLOTILLA = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

interface Options {
  scratch: string;
  runs: number;
}

const INSTANCES = 1000;

/** `reconcile --dry-run --files-only` where every file of every instance differs, and where none does. */
export async function filesOnlyComparisons({ scratch, runs }: Options): Promise<Comparison[]> {
  const differing = writeFleet(join(scratch, 'differing'), INSTANCES);
  await writeTenants(differing, OLD_TAG);
  const same = writeFleet(join(scratch, 'same'), INSTANCES);
  await writeTenants(same, NEW_TAG);
  const states = [
    { state: 'all differing', fleet: differing, format: 'json' },
    { state: 'all differing', fleet: differing, format: 'text' },
    { state: 'none differing', fleet: same, format: 'json' },
    { state: 'none differing', fleet: same, format: 'text' },
  ];
  return states.map(({ state, fleet, format }) => {
    const ours = preview(fleet, format);
    const expected = [fleet === same ? 0 : 2];
    return {
      name: `reconcile --dry-run --files-only -o ${format}: ${INSTANCES} instances of 3 files, ${state}`,
      floor: 'a bare loop: parse, render, read, hash, diff',
      target: 2.5,
      runs,
      measureOurs: () => measure(ours, scratch, expected),
      measureFloor: () => measure(bareLoop(fleet), scratch),
      measurePeak: () => measurePeak(ours, scratch, expected),
      peakTargetMiB: 250,
    };
  });
}

/** `--detailed-exitcode` proves that the fleet is in the state that is meant. */
function preview({ manifests, templates }: BenchFleet, format: string) {
  const options = ['--dry-run', '--files-only', '--detailed-exitcode', '-o', format];
  return node(FLOTILLA, 'reconcile', ...options, '--manifests', manifests, '--templates', templates);
}

function bareLoop({ manifests, templates, tenants }: BenchFleet) {
  return node(floor('dry-run.mjs'), manifests, join(templates, 'web/files'), tenants);
}

const MANIFESTS = 10_000;

export function validateComparison({ scratch, runs }: Options): Comparison {
  const { manifests, templates } = writeFleet(join(scratch, 'many'), MANIFESTS);
  const ours = node(FLOTILLA, 'validate', '--manifests', manifests, '--templates', templates);
  return {
    name: `validate: ${MANIFESTS} manifests`,
    floor: 'read and parse with the yaml package',
    target: 1.5,
    runs,
    measureOurs: () => measure(ours, scratch),
    measureFloor: () => measure(node(floor('parse.mjs'), manifests), scratch),
    measurePeak: () => measurePeak(ours, scratch),
  };
}

export function helpComparison({ scratch, runs }: Options): Comparison {
  return {
    name: '--help',
    floor: 'node -e 0',
    target: 3,
    runs: runs * 3,
    measureOurs: () => measure(node(FLOTILLA, '--help'), scratch),
    measureFloor: () => measure(node('-e', '0'), scratch),
  };
}

function floor(name: string): string {
  return fileURLToPath(new URL(`floors/${name}`, import.meta.url));
}
