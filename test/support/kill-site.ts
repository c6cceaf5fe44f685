import { setTimeout as sleep } from 'node:timers/promises';
import { type BuiltCli, descendants, type Ended, isDocker, type RunningCli, startCli } from './cli-process.js';
import type { CrashTenant } from './crash-tenant.js';
import type { Random } from './random.js';

/** Where a tenant is upgraded, and what of that can be killed. */
export interface KillSite {
  /** How often each is chosen, relative to the others. */
  victims: Readonly<Record<string, number>>;
  open(cli: BuiltCli, tenant: CrashTenant, random: Random): Promise<OpenSite>;
}

export interface OpenSite {
  /** Starts `flotilla reconcile` of the tenant. */
  reconcile(args: readonly string[]): RunningCli;
  /** Lets one reconcile be. @returns how many writes it made below the host's root */
  countWrites(): Promise<{ run: Ended; writes: number }>;
  /** A reconcile that is disturbed. At its end all that was killed runs again, but for the reconcile. */
  disturb(victim: string, writes: number): Promise<Disturbed>;
  /** Completes an interrupted commit, where nobody else has done so by now. */
  recover(directory: string): Promise<void>;
  /** Begins to count the applies that succeed. @returns how many did; null when their process did not live until now */
  countApplies(): () => number | null;
  close(): Promise<void>;
}

export interface Disturbed {
  ended: Ended;
  /** Whether the victim was there to be killed, while the upgrade was under way. */
  killed: boolean;
  /** Whether an end with exit code 1 is of the kill. */
  mayFail: boolean;
}

/** That every upgrade comes to. */
const PHASES = ['lock', 'stage', 'validate', 'pull', 'commit', 'up', 'up', 'verify', 'settle'];

/** A while after a reconcile has begun, or after it has said that it is in some phase. */
export async function randomMoment(running: RunningCli, { slug }: CrashTenant, random: Random): Promise<void> {
  if (random.next() < 0.85) await running.until(new RegExp(`^${slug}: ${random.pick(PHASES)}`, 'm'));
  else await sleep(random.whole(100, 1500));
  await sleep(random.next() ** 2 * 1000);
}

/** What compose runs in below a process; waits for a while until there is something. */
export async function composesOf(pid: number, running: RunningCli): Promise<number[]> {
  for (let tries = 0; tries < 200 && !running.hasEnded(); tries += 1) {
    const composes = descendants(pid).filter(isDocker);
    if (composes.length > 0) return composes;
    await sleep(10);
  }
  return [];
}

export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}

export function startReconcile(
  cli: BuiltCli,
  { fleet, slug, temporary }: CrashTenant,
  args: readonly string[],
  more: { env?: Record<string, string>; preload?: string } = {},
): RunningCli {
  const env = { TMPDIR: temporary, ...more.env };
  return startCli(cli, ['reconcile', slug, ...args], { cwd: fleet.dir, ...more, env });
}
