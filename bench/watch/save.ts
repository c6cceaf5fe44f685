import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { startDaemon } from './daemon.js';
import { type Figure, p99 } from './figure.js';
import { firstChange } from './first-change.js';
import { createFloorClient } from './floor-client.js';
import { nowMs } from './monotonic.js';
import { createWatchFleet, type WatchFleet } from './watch-fleet.js';

const TARGET_MS = 300;
const WARM_UPS = 5;
/** How long a directory has to be quiet until a save counts as whole: QUIET_MS of src/source/watch-directories.ts. */
const QUIET_MS = 100;

/** From saving a manifest to the first change of a managed file on the host; each save changes another instance. */
export async function measureSave(scratch: string, samples: number): Promise<Figure> {
  const fleet = await createWatchFleet(join(scratch, 'save'), 1000, 10);
  const client = createFloorClient(fleet);
  const daemon = await startDaemon(fleet.directory, sourceOf(fleet));
  try {
    await daemon.settled(fleet.instances.length);
    const ours: number[] = [];
    const floors: number[] = [];
    for (let i = 0; i < samples + WARM_UPS; i += 1) {
      const { slug, host } = fleet.instances[i]!;
      const applied = fleet.agents.next('applied', slug);
      const changed = firstChange(join(fleet.tenants, host, slug));
      const begun = nowMs();
      fleet.setTag(slug, `bench-${i}`);
      const took = (await changed) - begun;
      await applied;
      const parsing = timed(() => parse(readFileSync(join(fleet.manifests, 'instances', `${slug}.yaml`), 'utf8')));
      const healed = await client.heal(host, slug);
      if (i < WARM_UPS) continue;
      ours.push(took);
      floors.push(QUIET_MS + parsing + healed);
    }
    return {
      name: 'save: a manifest is saved, to the first byte on the host, 1000 instances on 10 agents',
      floor: `${QUIET_MS} ms of quiet, reading and parsing the file, and an observation, a look at the files and a durable write over TLS`,
      unit: 'ms',
      ours,
      floors,
      target: `p99 < ${TARGET_MS} ms`,
      met: p99(ours) < TARGET_MS,
    };
  } finally {
    await daemon.stop();
    await client.close();
    fleet.agents.end();
  }
}

/** The settings of a daemon that reads the directories of a fleet, and does not look at everything while it is measured. */
export function sourceOf({ manifests, templates, agents }: WatchFleet): object {
  return {
    source: { directory: { manifests, templates } },
    pki: agents.controller,
    resync: { schedule: '0 3 1 1 *', jitter: '0s' },
  };
}

function timed(work: () => unknown): number {
  const begun = performance.now();
  work();
  return performance.now() - begun;
}
