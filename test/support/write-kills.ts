import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buildHostConfig } from '../../src/agent/host.js';
import { createLocalDriver } from '../../src/agent-client/local-driver.js';
import { createRemoteDriver } from '../../src/agent-client/remote-driver.js';
import type { TenantDriver } from '../../src/agent-client/tenant-driver.js';
import { reconcile } from '../../src/controller/reconcile.js';
import type { ReconcileItem } from '../../src/controller/report.js';
import { loadDesiredState } from '../../src/manifest/load.js';
import { loadIdentity } from '../../src/pki/identity.js';
import { createRenderer } from '../../src/render/create-renderer.js';
import { loadTemplates } from '../../src/render/load-template.js';
import { startAgentProcess } from './agent-process.js';
import { type BuiltCli, startCli } from './cli-process.js';
import {
  ownContent,
  RELEASES,
  type Release,
  releaseIn,
  requireNoLeftovers,
  requireSameContent,
  TEMPLATE,
  templateFiles,
  writeOwnContent,
} from './crash-releases.js';
import { makePki } from './pki.js';
import { createStubDocker, type StubDocker } from './stub-docker.js';

export interface WriteKillReport {
  kills: number;
  /** Of an undisturbed apply. */
  writes: number;
  /** What the killed processes were about to do. */
  steps: Set<string>;
}

const REGISTRY = 'registry.test';
const SLUG = 'crash';

/**
 * For each write of an apply, from the lock to the last mark: kills the program right before it, then has the next run mend
 * it. Docker is a stub here, so that this is about files and takes a fraction of a second a kill. Throws unless the file set
 * is then the new one, whole, with nothing left behind and the tenant's own content untouched.
 *
 * @param from,to the releases: indices of RELEASES; from null, it is the first one of all
 * @param victim an agent is started again while the controller still asks for it: that very reconcile must see it through
 * @param every leaves out all writes but each such one, by default none
 */
export async function runWriteKills(
  cli: BuiltCli,
  options: {
    from: number | null;
    to: number;
    parallel: number;
    victim?: 'program' | 'agent';
    every?: number;
    onKill?: (report: WriteKillReport) => void;
  },
): Promise<WriteKillReport> {
  const { victim = 'program', every = 1 } = options;
  const from = options.from === null ? null : (RELEASES[options.from] as Release);
  const to = RELEASES[options.to] as Release;
  const report: WriteKillReport = { kills: 0, writes: 0, steps: new Set() };
  let next = 1;
  const worker = async () => {
    const tenant = await createStubTenant(cli, victim);
    try {
      for (const release of from ? [from, to, from] : []) await tenant.mend(release);
      tenant.save();
      tenant.restore(from);
      report.writes = Math.max(report.writes, Number(/(\d+) writes/.exec(await tenant.upgradeAndDie(to, 0))?.[1]));
      for (let dieAt = next; dieAt <= report.writes; dieAt = next) {
        next += every;
        tenant.restore(from);
        report.steps.add(await tenant.upgradeAndDie(to, dieAt));
        report.kills += 1;
        tenant.requireWhole([from ?? 'none', to]);
        await tenant.mend(to);
        options.onKill?.(report);
      }
    } finally {
      await tenant.close();
    }
  };
  await Promise.all(Array.from({ length: options.parallel }, worker));
  return report;
}

async function createStubTenant(cli: BuiltCli, victim: 'program' | 'agent') {
  const directory = mkdtempSync(join(tmpdir(), 'flotilla-writes-'));
  const tenantDir = join(directory, 'host', SLUG);
  for (const name of ['host', 'tmp']) mkdirSync(join(directory, name));
  writeOwnContent(tenantDir);
  const own = ownContent(tenantDir);
  const stub = await createStubDocker(join(directory, 'docker'), tenantDir);
  const agent = victim === 'agent' ? await createStubAgent(cli, directory, stub) : null;
  const want = (release: Release) => writeDesired(directory, release, agent?.url ?? null);
  const driver = () =>
    agent?.connect() ??
    createLocalDriver(buildHostConfig(join(directory, 'host'), { ...stub.env, HOME: '/nonexistent' }));
  const copy = (source: string, target: string) => {
    rmSync(join(directory, target), { recursive: true, force: true });
    execFileSync('cp', ['-a', join(directory, source), join(directory, target)]);
  };
  return {
    save: () => copy('host', 'saved'),
    restore(release: Release | null) {
      copy('saved', 'host');
      stub.setTag(release?.tag ?? '');
    },
    /** @returns the step before which it died; with 0, how many writes there were */
    async upgradeAndDie(release: Release, dieAt: number): Promise<string> {
      want(release);
      const file = join(directory, 'report');
      writeFileSync(file, '');
      const env = {
        TMPDIR: join(directory, 'tmp'),
        FLOTILLA_TEST_DIE_AT: String(dieAt),
        FLOTILLA_TEST_DIE_UNDER: join(directory, 'host'),
        FLOTILLA_TEST_DIE_REPORT: file,
      };
      if (agent) {
        agent.dieAt(dieAt);
        const run = reconcileHere(directory, driver());
        if (dieAt === 0) await run;
        await agent.restart(dieAt === 0 ? 'SIGTERM' : 'none');
        requireInOrder(await run);
        return readFileSync(file, 'utf8').trim();
      }
      const { ended } = startCli(cli, ['reconcile'], {
        cwd: directory,
        env,
        docker: stub.env,
        preload: cli.dieAtWrite,
      });
      const { code, signal, stdout, stderr } = await ended;
      if (dieAt === 0 ? code !== 0 : signal !== 'SIGKILL')
        throw new Error(`write ${dieAt}: exit ${code ?? signal}\n${stdout}${stderr}`);
      return readFileSync(file, 'utf8').trim();
    },
    /** One run that is left alone; then there is nothing to do and all is in place. */
    async mend(release: Release): Promise<void> {
      want(release);
      requireInOrder(await reconcileHere(directory, driver()));
      const again = await reconcileHere(directory, driver(), { dryRun: true });
      if (again.result !== 'inSync')
        throw new Error(`planned again: ${JSON.stringify(again.error ?? again.plan?.operations)}`);
      if (releaseIn(tenantDir, REGISTRY) !== release) throw new Error('not all files are the new ones');
      if (stub.tag() !== release.tag) throw new Error(`${stub.tag()} was brought up last`);
      requireSameContent(tenantDir, own);
      requireNoLeftovers(tenantDir);
    },
    /** Before anything is mended there may be a journal; without one the set is one of the two. */
    requireWhole(releases: readonly (Release | 'none')[]): void {
      requireSameContent(tenantDir, own);
      const here = releaseIn(tenantDir, REGISTRY);
      if (here === null && !hasJournal(tenantDir)) throw new Error('a mix of files, and no journal');
      if (here !== null && !releases.includes(here)) throw new Error(`files of ${JSON.stringify(here)}`);
    },
    async close(): Promise<void> {
      await agent?.close();
      await stub.close();
      rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
    },
  };
}

/** The agent of the tenants' host, a process of its own, at one address however often it is started again. */
async function createStubAgent(cli: BuiltCli, directory: string, { env }: StubDocker) {
  const pki = await makePki(join(directory, 'pki'), { agents: [{ name: 'here' }] });
  const controller = loadIdentity(pki.controllers.controller as string);
  const when = join(directory, 'when');
  const start = (at = 0) =>
    startAgentProcess(cli, {
      cwd: directory,
      root: join(directory, 'host'),
      pki: pki.agents.here as string,
      port: at,
      docker: env,
      env: {
        FLOTILLA_TEST_DIE_UNDER: join(directory, 'host'),
        FLOTILLA_TEST_DIE_REPORT: join(directory, 'report'),
        FLOTILLA_TEST_DIE_WHEN: when,
      },
      preload: cli.dieAtWrite,
    });
  let agent = await start();
  const { port } = agent;
  const url = `https://127.0.0.1:${port}`;
  return {
    url,
    connect: () => createRemoteDriver({ name: 'here', url }, () => controller),
    /** Counts writes from now on. */
    dieAt: (write: number) => writeFileSync(when, String(write)),
    /** With `none` it has to die by itself. */
    async restart(signal: 'SIGTERM' | 'none'): Promise<void> {
      if (signal !== 'none') agent.child.kill(signal);
      await agent.ended;
      rmSync(when);
      agent = await start(port);
    },
    async close(): Promise<void> {
      agent.child.kill('SIGKILL');
      await agent.ended;
    },
  };
}

function requireInOrder(item: ReconcileItem): void {
  if (item.result !== 'converged' && item.result !== 'inSync') throw new Error(JSON.stringify(item.error ?? item));
}

function hasJournal(tenantDir: string): boolean {
  try {
    return readFileSync(join(tenantDir, '.flotilla/journal.json')).length > 0;
  } catch {
    return false;
  }
}

function writeDesired(directory: string, release: Release, agent: string | null): void {
  rmSync(join(directory, 'templates'), { recursive: true, force: true });
  write(join(directory, 'templates/app/template.yaml'), TEMPLATE);
  for (const [path, text] of Object.entries(templateFiles(release)))
    write(join(directory, 'templates/app/files', path), text);
  const head = 'apiVersion: flotilla.dev/v1\nkind:';
  write(
    join(directory, 'manifests/all.yaml'),
    `${head} Host\nmetadata: { name: here }\nspec: ${agent === null ? '{ local: ../host }' : `{ agent: "${agent}" }`}
---
${head} Instance
metadata: { name: ${SLUG} }
spec:
  host: here
  template: app
  imageTag: ${release.tag}
  values: { registry: ${REGISTRY}, note: ${release.note} }
  timeouts: { pull: 1m, up: 1m, verify: 30s, settle: 1ms }
`,
  );
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** The same in this process, which saves starting another. */
async function reconcileHere(
  directory: string,
  driver: TenantDriver,
  options = { dryRun: false },
): Promise<ReconcileItem> {
  const [manifests, templates] = [join(directory, 'manifests'), join(directory, 'templates')];
  try {
    const report = await reconcile(
      {
        desired: await loadDesiredState({ manifests, templates }),
        templates: await loadTemplates(templates),
        driverFor: () => driver,
        now: () => new Date(),
        newId: () => 'test',
        renderer: createRenderer(),
      },
      { slugs: [], filesOnly: false, concurrency: 1, ignoreHold: false, ignoreWindow: false, ...options },
    );
    return report.items[0] as ReconcileItem;
  } finally {
    await driver.close();
  }
}
