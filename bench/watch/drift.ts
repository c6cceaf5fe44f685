import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startDaemon } from './daemon.js';
import { type Figure, p99 } from './figure.js';
import { firstChange } from './first-change.js';
import { createFloorClient } from './floor-client.js';
import { nowMs } from './monotonic.js';
import { sourceOf } from './save.js';
import { createWatchFleet, type WatchFleet } from './watch-fleet.js';

const TARGET_MS = 250;
const WARM_UPS = 5;
/** How long an agent holds back what it tells of a file: HOLD_MS of src/agent/events/watch-files.ts. */
const HOLD_MS = 50;
const COUNT = '1000 instances on 10 agents';

interface Case extends Pick<Figure, 'name' | 'floor'> {
  heldMs: number;
  /** @returns how long it took, in milliseconds */
  heal(fleet: WatchFleet, instance: WatchFleet['instances'][number]): Promise<number>;
}

const CASES: readonly Case[] = [
  {
    name: `drift: a managed file is edited, to its being as it was, ${COUNT}`,
    floor: `${HOLD_MS} ms in which the agent holds the event back, and an observation, a look at the files and a durable write over TLS`,
    heldMs: HOLD_MS,
    heal: healFile,
  },
  {
    name: `drift: a container is killed, to its start, ${COUNT}`,
    floor: 'an observation, a look at the files and a durable write over TLS',
    heldMs: 0,
    heal: healContainer,
  },
];

/** From something that happens on a host to its being healed; each time to another instance. */
export async function measureDrift(scratch: string, samples: number): Promise<Figure[]> {
  const fleet = await createWatchFleet(join(scratch, 'drift'), 1000, 10);
  const client = createFloorClient(fleet);
  const daemon = await startDaemon(fleet.directory, sourceOf(fleet));
  try {
    await daemon.settled(fleet.instances.length);
    const figures: Figure[] = [];
    for (const { name, floor, heldMs, heal } of CASES) {
      const ours: number[] = [];
      const floors: number[] = [];
      for (let i = 0; i < samples + WARM_UPS; i += 1) {
        const instance = fleet.instances[i]!;
        const took = await heal(fleet, instance);
        const bare = await client.heal(instance.host, instance.slug);
        if (i < WARM_UPS) continue;
        ours.push(took);
        floors.push(heldMs + bare);
      }
      const met = p99(ours) < TARGET_MS;
      figures.push({ name, floor, unit: 'ms', ours, floors, target: `p99 < ${TARGET_MS} ms`, met });
    }
    return figures;
  } finally {
    await daemon.stop();
    await client.close();
    fleet.agents.end();
  }
}

async function healFile({ tenants, agents }: WatchFleet, { host, slug }: Instance): Promise<number> {
  const tenant = join(tenants, host, slug);
  const file = join(tenant, 'config/app.yml');
  const before = readFileSync(file, 'utf8');
  const applied = agents.next('applied', slug);
  const begun = nowMs();
  writeFileSync(file, `${before}# edited by hand\n`);
  const healedAt = await firstChange(tenant);
  if (readFileSync(file, 'utf8') !== before) throw new Error(`${file} changed, and is not as it was`);
  await applied;
  return healedAt - begun;
}

async function healContainer({ agents }: WatchFleet, { host, slug }: Instance): Promise<number> {
  const applied = agents.next('applied', slug);
  const up = agents.next('up', slug);
  const begun = nowMs();
  agents.kill(host, slug);
  const { at } = await up;
  await applied;
  return at - begun;
}

type Instance = WatchFleet['instances'][number];
