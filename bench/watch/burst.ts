import { join } from 'node:path';
import { FLOTILLA } from '../comparisons.js';
import { measure, node } from '../measure.js';
import { startDaemon } from './daemon.js';
import { type Figure, median } from './figure.js';
import { nowMs } from './monotonic.js';
import { sourceOf } from './save.js';
import { createWatchFleet, type WatchFleet } from './watch-fleet.js';

const INSTANCES = 2_000;
/** Both work on four instances of each at once. */
const HOSTS = 8;
const RUNS = 3;

/** The tag of a whole fleet changes: the daemon, beside one run of `reconcile` over another fleet that is the same. */
export async function measureBurst(scratch: string): Promise<Figure> {
  const watched = await createWatchFleet(join(scratch, 'burst-watched'), INSTANCES, HOSTS);
  const swept = await createWatchFleet(join(scratch, 'burst-swept'), INSTANCES, HOSTS);
  const daemon = await startDaemon(watched.directory, sourceOf(watched));
  try {
    await daemon.settled(INSTANCES);
    const ours: number[] = [];
    const floors: number[] = [];
    for (let run = 0; run < RUNS; run += 1) {
      const applied = watched.agents.applied(INSTANCES);
      const begun = nowMs();
      watched.setFleetTag(`bench-${run}`);
      ours.push(((await applied) - begun) / 1_000);
      await daemon.settled(INSTANCES);
      floors.push(await reconcileAll(swept, scratch, `bench-${run}`));
    }
    const ratio = median(ours.map((seconds, i) => seconds / floors[i]!));
    return {
      name: `burst: the tag of ${INSTANCES} instances on ${HOSTS} agents changes, until all is applied`,
      floor: '`flotilla reconcile` of the same, four at once on each host as well',
      unit: 's',
      ours,
      floors,
      target: 'median ratio <= 1',
      met: ratio <= 1,
      notes: [`median ratio ${ratio.toFixed(2)}; the engines are stubs`],
    };
  } finally {
    await daemon.stop();
    watched.agents.end();
    swept.agents.end();
  }
}

async function reconcileAll(fleet: WatchFleet, scratch: string, tag: string): Promise<number> {
  const { manifests, templates, agents } = fleet;
  fleet.setFleetTag(tag);
  const applied = agents.applied(INSTANCES);
  const begun = nowMs();
  const options = ['--quiet', '--concurrency', '4', '--pki', agents.controller];
  await measure(node(FLOTILLA, 'reconcile', ...options, '--manifests', manifests, '--templates', templates), scratch);
  return ((await applied) - begun) / 1_000;
}
