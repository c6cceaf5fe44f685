/**
 * make soak: kills processes for a long time and has each tenant mended. Ends with exit code 1 at the first tenant that is
 * not as it must be, and says which seed does it again. SOAK_MINUTES (30) and SOAK_SEED (the time) are read from the
 * environment. Figures of a run are in docs/reliability.md.
 */
import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { runCommitKills } from '../test/agent/support/commit-kills.js';
import { type ApplyKillReport, runApplyKills } from '../test/support/apply-kills.js';
import { buildCli } from '../test/support/cli-process.js';
import { RELEASES } from '../test/support/crash-releases.js';
import { IMAGE_TAGS } from '../test/support/engine.js';
import { AGENT_SITE, createDockerdSite } from '../test/support/kill-site-agent.js';
import { LOCAL_SITE } from '../test/support/kill-site-local.js';
import { useSpareEngine } from '../test/support/spare-engine.js';
import { runWriteKills } from '../test/support/write-kills.js';

const minutes = Number(process.env.SOAK_MINUTES ?? 30);
const firstSeed = Number(process.env.SOAK_SEED ?? Math.floor(Date.now() / 1000) % 1_000_000);
const parallel = Math.max(2, Math.min(4, cpus().length));

interface Figures {
  kills: number;
  /** What else there is to tell, by name. */
  counts: Record<string, number>;
}

/** Repeats a batch until its share of the time is used up; each with the next seed. */
async function soak(name: string, share: number, batch: (seed: number) => Promise<Figures>): Promise<number> {
  const total: Figures = { kills: 0, counts: {} };
  const started = performance.now();
  const until = started + minutes * 60_000 * share;
  for (let seed = firstSeed; performance.now() < until; seed += 1) {
    const { kills, counts } = await batch(seed);
    total.kills += kills;
    for (const [what, count] of Object.entries(counts)) total.counts[what] = (total.counts[what] ?? 0) + count;
    process.stderr.write(`${name}: ${total.kills} kills, seed ${seed}\n`);
  }
  const took = Math.round((performance.now() - started) / 1000);
  const details = Object.entries(total.counts).map(([what, count]) => `  ${String(count).padStart(6)} ${what}`);
  process.stdout.write(
    `${[`${name}: ${total.kills} kills in ${took} s, none left anything wrong`, ...details].join('\n')}\n\n`,
  );
  return total.kills;
}

async function killAtWrites(seed: number, victim: 'program' | 'agent'): Promise<Figures> {
  const choices = RELEASES.length + 1;
  const from = seed % choices === RELEASES.length ? null : seed % choices;
  const to = ((from ?? 0) + 1 + (seed % (RELEASES.length - 1))) % RELEASES.length;
  const report = await runWriteKills(cli, { from, to, parallel, victim });
  return { kills: report.kills, counts: { upgrades: 1 } };
}

function figuresOf(report: ApplyKillReport): Figures {
  const named = (name: string, counts: Record<string, number>) =>
    Object.entries(counts).map(([what, count]) => [`${name}: ${what}`, count] as const);
  return {
    kills: report.kills,
    counts: {
      'runs after a kill that converged': report.converged,
      'reconciles that saw a kill through': report.seenThrough,
      'upgrades whose agent lived, each applied exactly once': report.once,
      'times it was still locked by a compose left behind': report.waited,
      ...Object.fromEntries([...named('killed', report.victims), ...named('last said', report.phases).sort()]),
    },
  };
}

execFileSync(join(import.meta.dirname, '../scripts/engine.sh'), ['images', ...IMAGE_TAGS], {
  stdio: ['ignore', 'ignore', 'inherit'],
});
const cli = buildCli();
process.stdout.write(`soak: ${minutes} minutes from seed ${firstSeed}, ${parallel} at once\n\n`);
try {
  let kills = await soak('journal, killed at a random step of a random commit', 0.15, async (seed) => {
    // Each run of a batch takes a seed of its own.
    const report = await runCommitKills({ runs: 100, seed: seed * 100, parallel });
    return { kills: report.kills, counts: { 'came out new': report.forward, 'came out old': report.back } };
  });
  kills += await soak('program, killed before each write of an upgrade', 0.15, (seed) => killAtWrites(seed, 'program'));
  kills += await soak('agent, killed before each write of an upgrade', 0.15, (seed) => killAtWrites(seed, 'agent'));
  kills += await soak('upgrades on a real engine, killed at random moments', 0.2, async (seed) =>
    figuresOf(await runApplyKills(cli, { site: LOCAL_SITE, kills: 20, seed, parallel })),
  );
  kills += await soak('upgrades through an agent, killed at random moments', 0.2, async (seed) =>
    figuresOf(await runApplyKills(cli, { site: AGENT_SITE, kills: 20, seed, parallel })),
  );
  const engine = await useSpareEngine();
  try {
    kills += await soak('upgrades on an engine that is killed at random moments', 0.15, async (seed) =>
      figuresOf(await runApplyKills(cli, { site: createDockerdSite(engine), kills: 10, seed, parallel: 1 })),
    );
  } finally {
    await engine.remove();
  }
  process.stdout.write(`${kills} kills in all\n`);
} finally {
  cli.remove();
}
