import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { acquireLock } from '../../src/agent/lock/lock.js';
import { recover } from '../../src/agent/state/journal.js';
import { FlotillaError } from '../../src/errors.js';
import {
  type BuiltCli,
  descendants,
  type Ended,
  isDocker,
  type RunningCli,
  type runCli,
  startCli,
} from './cli-process.js';
import { RELEASES, type Release } from './crash-releases.js';
import { type CrashTenant, createCrashTenant } from './crash-tenant.js';
import { createRandom, type Random } from './random.js';

export interface ApplyKillReport {
  kills: number;
  /** By what was killed. */
  victims: Record<Victim, number>;
  /** By the last phase of the apply that the killed process had said it was in. */
  phases: Record<string, number>;
  /** Runs after a kill that had to bring the tenant to its desired state, and did. */
  converged: number;
  /** How often the instance was still locked at first, by a compose that outlived its parent. */
  waited: number;
}

type Victim = 'flotilla' | 'flotilla at a write' | 'flotilla and compose' | 'compose';

const PHASES = ['stage', 'validate', 'pull', 'commit', 'up', 'restart', 'verify', 'settle', 'record'];
const LOCK_LIMIT_MS = 90_000;

interface Loop {
  cli: BuiltCli;
  tenant: CrashTenant;
  random: Random;
  report: ApplyKillReport;
  /** The release of the file set that is there. */
  current: Release;
  /** Writes of an undisturbed apply. */
  writes: number;
}

/**
 * Upgrades tenants back and forth on a real engine, kills the program, the compose that it runs, or both, at random moments,
 * and has the next run mend it. Throws unless every file set is one release's, whole, and every run after a kill leaves the
 * desired release running, the tenant's own content untouched and nothing behind.
 */
export async function runApplyKills(
  cli: BuiltCli,
  options: { kills: number; seed: number; parallel: number; onKill?: (report: ApplyKillReport) => void },
): Promise<ApplyKillReport> {
  const victims = { flotilla: 0, 'flotilla at a write': 0, 'flotilla and compose': 0, compose: 0 };
  const report: ApplyKillReport = { kills: 0, victims, phases: {}, converged: 0, waited: 0 };
  let failed = false;
  const worker = async (_: unknown, number: number) => {
    const tenant = createCrashTenant(`crash-${number}`);
    const random = createRandom(options.seed * 1000 + number);
    const loop: Loop = { cli, tenant, random, report, current: RELEASES[0] as Release, writes: 0 };
    try {
      await begin(loop);
      while (report.kills < options.kills && !failed) {
        await killSome(loop);
        options.onKill?.(report);
      }
    } catch (error) {
      failed = true;
      throw new Error(`tenant ${number} of seed ${options.seed}: ${(error as Error).message}`, { cause: error });
    } finally {
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
  for (const release of [RELEASES[0], RELEASES[3]] as Release[]) {
    loop.tenant.want(release);
    const file = join(loop.tenant.fleet.dir, 'writes');
    rmSync(file, { force: true });
    const env = { FLOTILLA_TEST_DIE_UNDER: loop.tenant.fleet.root, FLOTILLA_TEST_DIE_REPORT: file };
    const run = await reconcile(loop, ['-o', 'json'], { env, preload: loop.cli.dieAtWrite });
    requireResult(run, 'converged');
    loop.writes = Number(/^(\d+) writes$/m.exec(readFileSync(file, 'utf8'))?.[1]);
    await loop.tenant.requireConverged(release);
    loop.current = release;
  }
}

/** One to three kills in a row, then a run that is left alone. */
async function killSome(loop: Loop): Promise<void> {
  const { tenant, random, report } = loop;
  let target = loop.current;
  const attempts = random.whole(1, 3);
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    if (attempt === 0 || random.next() < 0.5) target = random.pick(RELEASES.filter((one) => one !== loop.current));
    tenant.want(target);
    await killOnce(loop);
    if (random.next() < 0.5) await requireWhole(loop, target);
  }
  const run = await reconcileOnceUnlocked(loop);
  requireResult(run, 'converged', 'inSync');
  await tenant.requireConverged(target);
  requireResult(await reconcile(loop, ['--dry-run', '-o', 'json']), 'inSync');
  requireNoShadows(tenant);
  loop.current = target;
  report.converged += 1;
}

async function killOnce(loop: Loop): Promise<void> {
  const { tenant, random, report } = loop;
  const victim = chooseVictim(random);
  const atWrite = victim === 'flotilla at a write';
  const dieAt = String(random.whole(1, Math.ceil(loop.writes * 1.05)));
  const env = { FLOTILLA_TEST_DIE_AT: dieAt, FLOTILLA_TEST_DIE_UNDER: tenant.fleet.root };
  const running = start(loop, [], atWrite ? { env, preload: loop.cli.dieAtWrite } : {});
  if (!atWrite) await killAtRandom(running, victim, tenant, random);
  const ended = await running.ended;
  const killed = victim === 'compose' ? ended.code === 1 : ended.signal === 'SIGKILL';
  if (!killed) {
    // It was through before; or it found the tenant locked by a compose that an earlier kill left running.
    if (ended.code !== 0 && !/is running:|is locked by/.test(ended.stdout)) throw unexpected(ended);
    return;
  }
  report.kills += 1;
  report.victims[victim] += 1;
  const phase = lastPhase(tenant, ended.stderr);
  report.phases[phase] = (report.phases[phase] ?? 0) + 1;
}

function chooseVictim(random: Random): Victim {
  const chance = random.next();
  if (chance < 0.4) return 'flotilla';
  if (chance < 0.65) return 'flotilla at a write';
  return chance < 0.85 ? 'flotilla and compose' : 'compose';
}

/** A while after it has begun, or after it has said that it is in some phase. */
async function killAtRandom(running: RunningCli, victim: Victim, tenant: CrashTenant, random: Random): Promise<void> {
  if (random.next() < 0.75) await running.until(new RegExp(`^${tenant.slug}: ${random.pick(PHASES)}`, 'm'));
  else await sleep(random.whole(100, 1500));
  await sleep(random.next() ** 2 * 1200);
  if (victim === 'flotilla') {
    running.child.kill('SIGKILL');
    return;
  }
  for (let tries = 0; tries < 200 && !running.hasEnded(); tries += 1) {
    const composes = descendants(running.pid).filter(isDocker);
    if (composes.length > 0 || victim === 'flotilla and compose') {
      if (victim === 'flotilla and compose') running.child.kill('SIGKILL');
      for (const pid of composes) kill(pid);
      return;
    }
    await sleep(10);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}

/** Completes what was interrupted, and no more: the file set is the old one or the new one. */
async function requireWhole(loop: Loop, target: Release): Promise<void> {
  const directory = loop.tenant.fleet.tenantDir(loop.tenant.slug);
  const lock = await whenUnlocked(loop.report, () => acquireLock(directory, { command: 'test' }));
  try {
    await recover(directory);
  } finally {
    await lock.release();
  }
  const here = loop.tenant.fileSet();
  if (here !== loop.current && here !== target) {
    const seen = here === null || here === 'none' ? (here ?? 'a mix') : `${here.tag} ${here.note}`;
    throw new Error(`files are ${seen}; should be ${loop.current.tag} or ${target.tag} ${target.note}`);
  }
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

/** Says that it waits for as long as a compose of a killed run still works; the first run that does not must do it all. */
async function reconcileOnceUnlocked(loop: Loop): Promise<Ended> {
  let waited = 0;
  for (const limit = Date.now() + LOCK_LIMIT_MS; ; await sleep(200)) {
    const run = await reconcile(loop, ['-o', 'json']);
    if (!isLocked(run) || Date.now() > limit) {
      loop.report.waited += waited;
      return run;
    }
    waited = 1;
  }
}

function isLocked({ code, stdout }: Ended): boolean {
  return code === 1 && /"reason": "Locked"/.test(stdout);
}

function start(loop: Loop, args: readonly string[], more: { env?: Record<string, string>; preload?: string } = {}) {
  const { fleet, slug, temporary } = loop.tenant;
  const env = { TMPDIR: temporary, ...more.env };
  return startCli(loop.cli, ['reconcile', slug, ...args], { cwd: fleet.dir, ...more, env });
}

function reconcile(...args: Parameters<typeof start>): ReturnType<typeof runCli> {
  return start(...args).ended;
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
