// The measurements: each figure beside its floor, measured in the same run. See README.md.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Comparison, compare, type Result } from './compare.js';
import { FLOTILLA, filesOnlyComparisons, helpComparison, validateComparison } from './comparisons.js';
import { formatResults } from './format.js';
import { createObserve } from './observe.js';
import { runStages } from './stages.js';
import { createRemotePreview, createSweep } from './sweep/sweep.js';
import { createUpgrade, TAGS } from './upgrade.js';
import { type Figure, formatFigures } from './watch/figure.js';
import { WATCH_BENCHES, watchFigures } from './watch/watch.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const COMPARED = ['help', 'validate', 'files-only', 'sweep', 'remote', 'observe', 'upgrade'] as const;
const BENCHES = [...COMPARED, ...WATCH_BENCHES] as const;
const USAGE = `npx tsx bench/run.ts [BENCH...] [--runs N] [-o text|json] [--no-build]

  BENCH      any of ${BENCHES.join(', ')} (by default all of them), and stages: single steps, in this process
  --runs N   pairs a figure is the median of (7)
  --no-build measure the dist/ that is there`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '7' },
    output: { type: 'string', short: 'o', default: 'text' },
    'no-build': { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
const unknown = positionals.filter((name) => name !== 'stages' && !BENCHES.some((bench) => bench === name));
if (values.help || unknown.length > 0) {
  console.log(unknown.length > 0 ? `unknown: ${unknown.join(', ')}\n\n${USAGE}` : USAGE);
  process.exit(values.help ? 0 : 1);
}
const chosen = new Set<string>(positionals.length > 0 ? positionals : BENCHES);
const runs = Number(values.runs);

if (!values['no-build'] || !existsSync(FLOTILLA))
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: 'inherit' });
const scratch = mkdtempSync(join(tmpdir(), 'flotilla-bench-'));
const cleanUps = [() => rmSync(scratch, { recursive: true, force: true })];
try {
  const results: Result[] = [];
  for await (const comparison of comparisons()) {
    console.error(`${comparison.name} ...`);
    results.push(await compare(comparison));
  }
  const figures: Figure[] = [];
  for await (const figure of watchFigures(chosen, scratch)) {
    console.error(`${figure.name}: done`);
    figures.push(figure);
  }
  const machine = {
    cpu: cpus()[0]?.model ?? '',
    cores: availableParallelism(),
    node: process.version,
    load: loadavg(),
  };
  if (values.output === 'json') console.log(JSON.stringify({ machine, results, figures }, null, 2));
  else {
    console.log(`${machine.cores} cores (${machine.cpu}), node ${machine.node}, load ${machine.load[0]?.toFixed(1)}\n`);
    if (results.length > 0) console.log(formatResults(results));
    if (figures.length > 0) console.log(formatFigures(figures));
  }
  if (chosen.has('stages')) console.log(await runStages(join(scratch, 'stages')));
} finally {
  for (const cleanUp of cleanUps.reverse()) cleanUp();
}

/** Made one after the other: what one leaves on disk is written right before it is measured. */
async function* comparisons(): AsyncGenerator<Comparison> {
  const options = { scratch, runs };
  if (chosen.has('help')) yield helpComparison(options);
  if (chosen.has('validate')) yield validateComparison(options);
  if (chosen.has('files-only')) yield* await filesOnlyComparisons(options);
  if (chosen.has('sweep')) {
    for (const instances of [1000, 10_000]) {
      const sweep = await createSweep({ ...options, instances });
      yield* sweep.comparisons;
      sweep.cleanUp();
    }
  }
  if (chosen.has('remote')) {
    const preview = await createRemotePreview(options);
    yield* preview.comparisons;
    preview.cleanUp();
  }
  if (chosen.has('observe')) {
    execFileSync(join(ROOT, 'scripts/engine.sh'), ['images', TAGS[0]], { stdio: 'inherit' });
    const observe = await createObserve(options);
    try {
      yield observe.comparison;
    } finally {
      await observe.cleanUp();
    }
  }
  if (chosen.has('upgrade')) {
    execFileSync(join(ROOT, 'scripts/engine.sh'), ['images', ...TAGS], { stdio: 'inherit' });
    const upgrade = createUpgrade(options);
    cleanUps.push(upgrade.cleanUp);
    yield upgrade.comparison;
  }
}
