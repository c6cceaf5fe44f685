import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { recover } from '../../src/agent/state/journal.js';
import { type BuiltCli, descendants, isDocker } from './cli-process.js';
import type { CrashTenant } from './crash-tenant.js';
import {
  composesOf,
  type Disturbed,
  type KillSite,
  kill,
  type OpenSite,
  randomMoment,
  startReconcile,
} from './kill-site.js';
import type { Random } from './random.js';

type Victim = 'flotilla' | 'flotilla at a write' | 'flotilla and compose' | 'compose';

/** The host is this machine: the program does it all itself. */
export const LOCAL_SITE: KillSite = {
  victims: { flotilla: 40, 'flotilla at a write': 25, 'flotilla and compose': 20, compose: 15 } satisfies Record<
    Victim,
    number
  >,
  open: async (cli, tenant, random) => openLocalSite(cli, tenant, random),
};

function openLocalSite(cli: BuiltCli, tenant: CrashTenant, random: Random): OpenSite {
  const under = { FLOTILLA_TEST_DIE_UNDER: tenant.fleet.root };
  const preload = cli.dieAtWrite;
  return {
    reconcile: (args) => startReconcile(cli, tenant, args),
    async countWrites() {
      const file = join(tenant.fleet.dir, 'writes');
      rmSync(file, { force: true });
      const env = { ...under, FLOTILLA_TEST_DIE_REPORT: file };
      const run = await startReconcile(cli, tenant, ['-o', 'json'], { env, preload }).ended;
      return { run, writes: Number(/^(\d+) writes$/m.exec(readFileSync(file, 'utf8'))?.[1]) };
    },
    async disturb(victim, writes): Promise<Disturbed> {
      if (victim === 'flotilla at a write') {
        const env = { ...under, FLOTILLA_TEST_DIE_AT: String(random.whole(1, writes)) };
        const ended = await startReconcile(cli, tenant, [], { env, preload }).ended;
        return { ended, killed: ended.signal === 'SIGKILL', mayFail: false };
      }
      const running = startReconcile(cli, tenant, []);
      await randomMoment(running, tenant, random);
      const composes =
        victim === 'compose' ? await composesOf(running.pid, running) : descendants(running.pid).filter(isDocker);
      if (victim !== 'compose') running.child.kill('SIGKILL');
      if (victim !== 'flotilla') for (const pid of composes) kill(pid);
      const ended = await running.ended;
      const killed = victim === 'compose' ? ended.code === 1 : ended.signal === 'SIGKILL';
      return { ended, killed, mayFail: killed };
    },
    async recover(directory) {
      await recover(directory);
    },
    countApplies: () => () => null,
    close: async () => undefined,
  };
}
