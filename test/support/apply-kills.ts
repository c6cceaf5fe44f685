import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { acquireLock } from '../../src/agent/lock/lock.js';
import { readRecord } from '../../src/agent/state/applied-record.js';
import { FlotillaError } from '../../src/errors.js';
import type { BuiltCli, Ended } from './cli-process.js';
import { RELEASES, type Release } from './crash-releases.js';
import { type CrashTenant, createCrashTenant } from './crash-tenant.js';
import type { KillSite, OpenSite } from './kill-site.js';
import { createRandom, type Random } from './random.js';

export interface ApplyKillReport {
  kills: number;
  /** By what was killed. */
  victims: Record<string, number>;
  /** By the last phase of the apply that the reconcile had said it was in. */
  phases: Record<string, number>;
  /** Reconciles that came to their end although something was killed under them. */
  seenThrough: number;
  /** Runs after a kill that had to bring the tenant to its desired state, and did. */
  converged: number;
  /** Upgrades under which something was killed, but not the agent, and which it applied exactly once. */
  once: number;
  /** How often the instance was still locked at first, by a compose that outlived its parent. */
  waited: number;
}

const LOCK_LIMIT_MS = 90_000;

interface Loop {
  tenant: CrashTenant;
  site: OpenSite;
  victims: KillSite['victims'];
  random: Random;
  report: ApplyKillReport;
  /** The release of the file set that is there. */
  current: Release;
  /** Writes of an undisturbed apply. */
  writes: number;
}

/**
 * Upgrades tenants back and forth on a real engine, kills what the site has at random moments, and has the next run mend it.
 * Throws unless every file set is one release's, whole, and every run after a kill leaves the desired release running, the
 * tenant's own content untouched and nothing behind; and unless an agent that lived applied an upgrade exactly once.
 */
export async function runApplyKills(
  cli: BuiltCli,
  options: {
    site: KillSite;
    kills: number;
    seed: number;
    parallel: number;
    /** How many upgrades must have been applied exactly once by an agent that lived. */
    once?: number;
    onKill?: (report: ApplyKillReport) => void;
  },
): Promise<ApplyKillReport> {
  const { kills, once = 0 } = options;
  const { victims } = options.site;
  const none = Object.fromEntries(Object.keys(victims).map((victim) => [victim, 0]));
  const report: ApplyKillReport = {
    kills: 0,
    victims: none,
    phases: {},
    seenThrough: 0,
    converged: 0,
    once: 0,
    waited: 0,
  };
  let failed = false;
  const worker = async (_: unknown, number: number) => {
    const tenant = createCrashTenant(`crash-${number}`);
    const random = createRandom(options.seed * 1000 + number);
    let site: OpenSite | undefined;
    try {
      site = await options.site.open(cli, tenant, random);
      const loop: Loop = { tenant, site, victims, random, report, current: RELEASES[0] as Release, writes: 0 };
      await begin(loop);
      while ((report.kills < kills || report.once < once) && !failed) {
        await killSome(loop);
        options.onKill?.(report);
      }
    } catch (error) {
      failed = true;
      throw new Error(`tenant ${number} of seed ${options.seed}: ${(error as Error).message}`, { cause: error });
    } finally {
      await site?.close();
      await tenant.fleet.cleanUp();
    }
  };
  // The others come to an end, too, and clear away what they have made.
  const ended = await Promise.allSettled(Array.from({ length: options.parallel }, worker));
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
  return report;
}

/** Two applies without a kill: how it should be, and how many writes it takes. */
async function begin(loop: Loop): Promise<void> {
  const { tenant, site } = loop;
  for (const release of [RELEASES[0], RELEASES[3]] as Release[]) {
    tenant.want(release);
    const { run, writes } = await site.countWrites();
    requireResult(run, 'converged');
    loop.writes = writes;
    await tenant.requireConverged(release);
    loop.current = release;
  }
}

/** One to three kills in a row, then a run that is left alone. */
async function killSome(loop: Loop): Promise<void> {
  const { tenant, site, random, report } = loop;
  const generation = generationOf(tenant);
  const succeeded = site.countApplies();
  const wanted = new Set<Release>();
  let killed = 0;
  let target = loop.current;
  const attempts = random.whole(1, 3);
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    if (attempt === 0 || random.next() < 0.5) target = random.pick(RELEASES.filter((one) => one !== loop.current));
    wanted.add(target);
    tenant.want(target);
    if (await killOnce(loop)) killed += 1;
    if (random.next() < 0.5) await requireWhole(loop, wanted);
  }
  const run = await reconcileOnceUnlocked(loop);
  requireResult(run, 'converged', 'inSync');
  await tenant.requireConverged(target);
  requireResult(await site.reconcile(['--dry-run', '-o', 'json']).ended, 'inSync');
  requireNoShadows(tenant);
  loop.current = target;
  report.converged += 1;
  const times = succeeded();
  if (times === null || wanted.size > 1) return;
  const advanced = generationOf(tenant) - generation;
  if (times !== 1 || advanced !== 1) throw new Error(`applied ${times} times, generation advanced by ${advanced}`);
  if (killed > 0) report.once += 1;
}

function generationOf({ fleet, slug }: CrashTenant): number {
  return readRecord(fleet.tenantDir(slug))?.generation ?? 0;
}

async function killOnce({ site, victims, tenant, random, report, writes }: Loop): Promise<boolean> {
  const victim = choose(victims, report.victims, random);
  const { ended, killed, mayFail } = await site.disturb(victim, Math.ceil(writes * 1.05));
  // It was through before; or it found the tenant locked by a compose that an earlier kill left running.
  const fine = ended.code === 0 || ended.signal === 'SIGKILL' || /is running:|is locked by/.test(ended.stdout);
  if (!fine && !(mayFail && ended.code === 1)) throw unexpected(ended);
  if (!killed) return false;
  report.kills += 1;
  report.victims[victim] = (report.victims[victim] ?? 0) + 1;
  if (ended.code === 0) report.seenThrough += 1;
  const phase = lastPhase(tenant, ended.stderr);
  report.phases[phase] = (report.phases[phase] ?? 0) + 1;
  return true;
}

/** Each in its turn: half of the time one that was never killed yet. */
function choose(victims: KillSite['victims'], killed: Readonly<Record<string, number>>, random: Random): string {
  const never = Object.keys(victims).filter((victim) => !killed[victim]);
  if (never.length > 0 && random.next() < 0.5) return random.pick(never);
  let rest = random.next() * Object.values(victims).reduce((sum, weight) => sum + weight, 0);
  const chosen = Object.entries(victims).find(([, weight]) => {
    rest -= weight;
    return rest < 0;
  });
  return (chosen ?? (Object.entries(victims).at(-1) as [string, number]))[0];
}

/** Nothing is half done once an interrupted commit is completed: the file set is the old one or one that was wanted since. */
async function requireWhole(loop: Loop, wanted: ReadonlySet<Release>): Promise<void> {
  const directory = loop.tenant.fleet.tenantDir(loop.tenant.slug);
  const lock = await whenUnlocked(loop.report, () => acquireLock(directory, { command: 'test' }));
  try {
    await loop.site.recover(directory);
  } finally {
    await lock.release();
  }
  const here = loop.tenant.fileSet();
  if (here === null || here === 'none') throw new Error(`the file set is ${here ?? 'a mix'}`);
  if (here !== loop.current && !wanted.has(here)) throw new Error(`the files are those of ${here.tag} ${here.note}`);
  loop.tenant.requireUntouched();
  loop.current = here;
}

async function whenUnlocked<T>(report: ApplyKillReport, work: () => Promise<T>): Promise<T> {
  let waited = 0;
  for (const limit = Date.now() + LOCK_LIMIT_MS; ; await sleep(100)) {
    try {
      const done = await work();
      report.waited += waited;
      return done;
    } catch (error) {
      if (!(error instanceof FlotillaError && error.code === 'Locked') || Date.now() > limit) throw error;
      waited = 1;
    }
  }
}

/** Says that it waits for as long as what was left of a killed run still works; the first run that does not must do it all. */
async function reconcileOnceUnlocked({ site, report }: Loop): Promise<Ended> {
  let waited = 0;
  for (const limit = Date.now() + LOCK_LIMIT_MS; ; await sleep(200)) {
    const run = await site.reconcile(['-o', 'json']).ended;
    if (!isLocked(run) || Date.now() > limit) {
      report.waited += waited;
      return run;
    }
    waited = 1;
  }
}

function isLocked({ code, stdout }: Ended): boolean {
  return code === 1 && /"reason": "Locked"/.test(stdout);
}

function requireResult(run: Ended, ...results: string[]): void {
  const item = run.code === 0 ? JSON.parse(run.stdout).items[0] : undefined;
  if (!results.includes(item?.result)) throw unexpected(run);
}

function unexpected({ code, signal, stdout, stderr }: Ended): Error {
  return new Error(`exit ${code ?? signal}\n${stdout}\n${stderr}`);
}

/** Killed runs leave theirs, and the next one that plans an upgrade clears them. */
function requireNoShadows({ temporary }: CrashTenant): void {
  const left = readdirSync(temporary).filter((name) => name.startsWith('flotilla-'));
  if (left.length > 1) throw new Error(`temporary files are left: ${left}`);
}

function lastPhase({ slug }: CrashTenant, stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.startsWith(`${slug}: `) && !line.includes(': failed'));
  return (
    lines
      .at(-1)
      ?.slice(slug.length + 2)
      .split(' ')[0] ?? 'before'
  );
}
