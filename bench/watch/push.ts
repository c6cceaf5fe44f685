import { execFileSync } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { execa } from 'execa';
import { parse } from 'yaml';
import { type Daemon, startDaemon, WEBHOOK_SECRET } from './daemon.js';
import { type Figure, median, p99 } from './figure.js';
import { firstChange } from './first-change.js';
import { createFloorClient } from './floor-client.js';
import { nowMs } from './monotonic.js';
import { createWatchFleet, type WatchFleet } from './watch-fleet.js';

const TARGET_MS = 300;
const WARM_UPS = 5;

interface Repository {
  bare: string;
  /** Commits the manifests as they are, and pushes. @returns how long the push took, in milliseconds */
  push(): Promise<number>;
  /** The least that reading a pushed change costs: fetches the commit, and reads and parses the file. */
  fetchOne(file: string): Promise<number>;
}

/** From the beginning of a `git push` to the first change of a managed file on the host; each push changes another instance. */
export async function measurePush(scratch: string, samples: number): Promise<Figure> {
  const fleet = await createWatchFleet(join(scratch, 'push'), 1000, 10);
  const client = createFloorClient(fleet);
  const repository = createRepository(fleet);
  const daemon = await startDaemon(fleet.directory, {
    source: { git: { url: repository.bare, interval: '1h' } },
    pki: fleet.agents.controller,
    webhooks: [{ provider: 'gitea', secretEnv: 'WEBHOOK_SECRET' }],
  });
  try {
    await daemon.settled(fleet.instances.length);
    const [ours, pushes, floors]: number[][] = [[], [], []];
    for (let i = 0; i < samples + WARM_UPS; i += 1) {
      const { slug, host } = fleet.instances[i]!;
      const sample = await pushOne(fleet, repository, daemon, i);
      const fetched = await repository.fetchOne(`manifests/instances/${slug}.yaml`);
      const healed = await client.heal(host, slug);
      if (i < WARM_UPS) continue;
      ours!.push(sample.totalMs);
      pushes!.push(sample.pushMs);
      floors!.push(sample.pushMs + fetched + healed);
    }
    return toFigure(ours!, pushes!, floors!);
  } finally {
    await daemon.stop();
    await client.close();
    fleet.agents.end();
  }
}

async function pushOne(fleet: WatchFleet, { push }: Repository, { url }: Daemon, i: number) {
  const { slug, host } = fleet.instances[i]!;
  fleet.setTag(slug, `bench-${i}`);
  const applied = fleet.agents.next('applied', slug);
  const changed = firstChange(join(fleet.tenants, host, slug));
  const pushMs = await push();
  const pushedAt = nowMs();
  await sendWebhook(url);
  const totalMs = pushMs + (await changed) - pushedAt;
  await applied;
  return { pushMs, totalMs };
}

function toFigure(ours: number[], pushes: number[], floors: number[]): Figure {
  const after = ours.map((ms, i) => ms - pushes[i]!);
  return {
    name: 'push: git push to the first byte on the host, 1000 instances on 10 agents',
    floor:
      'the push, a git fetch of the commit, git cat-file and parsing of the file, and an observation, a look at the files and a durable write over TLS',
    unit: 'ms',
    ours,
    floors,
    target: `p99 < ${TARGET_MS} ms`,
    met: p99(ours) < TARGET_MS,
    notes: [
      `git push by itself: median ${median(pushes).toFixed(0)}, p99 ${p99(pushes).toFixed(0)}`,
      `from the end of the push on: median ${median(after).toFixed(0)}, p99 ${p99(after).toFixed(0)}`,
    ],
  };
}

function createRepository({ directory }: WatchFleet): Repository {
  const bare = join(directory, 'fleet.git');
  const floor = join(directory, 'floor.git');
  const config = ['-c', 'user.name=Bench', '-c', 'user.email=bench@example.org', '-c', 'gc.auto=0'];
  const git = (...args: string[]) => execFileSync('git', [...config, ...args], { cwd: directory, stdio: 'pipe' });
  git('init', '--quiet', '--initial-branch=main', '.');
  git('init', '--quiet', '--bare', '--initial-branch=main', bare);
  git('init', '--quiet', '--bare', floor);
  const commit = () => {
    git('add', 'manifests', 'templates');
    git('commit', '--quiet', '--message=bench');
  };
  const timedPush = async () => {
    const begun = performance.now();
    await execa('git', ['push', '--quiet', bare, 'main'], { cwd: directory });
    return performance.now() - begun;
  };
  const fetch = () => execa('git', ['--git-dir', floor, 'fetch', '--quiet', '--no-tags', bare, '+main:main']);
  commit();
  git('push', '--quiet', bare, 'main');
  git('--git-dir', floor, 'fetch', '--quiet', bare, '+main:main');
  return {
    bare,
    async push() {
      commit();
      return timedPush();
    },
    async fetchOne(file) {
      const begun = performance.now();
      await fetch();
      const { stdout } = await execa('git', ['--git-dir', floor, 'cat-file', 'blob', `main:${file}`]);
      parse(stdout);
      return performance.now() - begun;
    },
  };
}

async function sendWebhook(url: string): Promise<void> {
  const body = JSON.stringify({ ref: 'refs/heads/main', delivery: randomUUID() });
  const answer = await fetch(`${url}/webhooks/gitea`, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'x-gitea-event': 'push',
      'x-gitea-signature': createHmac('sha256', WEBHOOK_SECRET).update(body).digest('hex'),
    },
  });
  if (answer.status !== 202) throw new Error(`the webhook was answered with ${answer.status}`);
}
