import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Upgrade } from '../../src/history/history-store.js';
import { type RunningAgent, startAgentProcess } from '../support/agent-process.js';
import { type BuiltCli, buildCli } from '../support/cli-process.js';
import { createOperatorFleet, IMAGE, type OperatorFleet } from '../support/operator.js';
import { makePki, type Pki } from '../support/pki.js';
import { startDaemon, type WatchDaemon } from '../support/watch-daemon.js';
import { conditionOf, until } from '../support/watch-state.js';

const TIMEOUTS = '{ pull: 1m, up: 2m, verify: 2m, settle: 0s }';
const LONG = 300_000;

/** Healthy once the tenant has a file for its tag: so that an upgrade waits for as long as a test wants. */
const GATED = `services:
  web:
    image: "${IMAGE}"
    command: [serve]
    volumes: [./site.conf:/etc/site.conf:ro, ./content:/content:ro]
    healthcheck: { test: [CMD, sh, -c, "[ -e /content/{{imageTag}} ]"], interval: 500ms, retries: 2, start_period: 5m }
    stop_grace_period: 1s
`;

const HOSTS = ['one', 'two'] as const;
type Host = (typeof HOSTS)[number];

let cli: BuiltCli;
let fleet: OperatorFleet;
let pki: Pki;
let daemon: WatchDaemon;
const agents = new Map<Host, RunningAgent>();
const slugs: Record<Host, string> = { one: '', two: '' };
let gated: string;

beforeAll(async () => {
  cli = buildCli();
  fleet = createOperatorFleet(TIMEOUTS);
  pki = await makePki(join(fleet.dir, 'pki'), { agents: HOSTS.map((name) => ({ name })) });
  for (const host of HOSTS) {
    slugs[host] = fleet.slug(host);
    mkdirSync(rootOf(host), { recursive: true });
    await startAgent(host);
    setTag(host, 'v1.0.0');
  }
  gated = fleet.slug('gated');
  describeHosts();
  daemon = await start();
}, LONG);
afterAll(async () => {
  await daemon?.kill();
  for (const agent of agents.values()) agent.child.kill('SIGKILL');
  await Promise.all([...agents.values()].map(({ ended }) => ended));
  await fleet.cleanUp();
  cli.remove();
});

const start = () => startDaemon(cli, { directory: fleet.dir, pki: pki.controllers.controller as string });
const setTag = (host: Host, imageTag: string) => fleet.writeInstance(slugs[host], { host, imageTag });
const rootOf = (host: Host) => join(fleet.dir, 'hosts', host);
const web = async (host: Host) => (await fleet.containers(slugs[host])).find(({ service }) => service === 'web');

async function startAgent(host: Host): Promise<void> {
  const port = agents.get(host)?.port ?? 0;
  const options = { cwd: fleet.dir, root: rootOf(host), pki: pki.agents[host] as string, port };
  agents.set(host, await startAgentProcess(cli, options));
}

/** In place of the fleet's one local host. */
function describeHosts(): void {
  const file = join(fleet.manifests, 'fleet.yaml');
  const [production = ''] = readFileSync(file, 'utf8').split('---\n');
  const hosts = HOSTS.map(
    (name) =>
      `apiVersion: flotilla.dev/v1\nkind: Host\nmetadata: { name: ${name} }\nspec: { agent: "https://127.0.0.1:${agents.get(name)?.port}" }\n`,
  );
  writeFileSync(file, [production, ...hosts].join('---\n'));
}

it(
  'brings tenants up on two hosts, and heals what is changed on one of them',
  async () => {
    for (const host of HOSTS) {
      await daemon.untilReady(slugs[host], 'v1.0.0');
      expect(await web(host)).toMatchObject({ tag: 'v1.0.0', state: 'running' });
    }
    const file = join(rootOf('two'), slugs.two, 'web.conf');
    writeFileSync(file, 'by hand\n');
    await until('the file is as it was', () => readFileSync(file, 'utf8') === 'tag v1.0.0\n', daemon.log);
    await daemon.untilDecision('Healed', { slug: slugs.two });
    await daemon.untilReady(slugs.two, 'v1.0.0');
    expect(await daemon.upgrades(slugs.two)).toMatchObject([{ result: 'converged' }, { fromImageTag: null }]);
    expect(await daemon.upgrades(slugs.one)).toHaveLength(1);
  },
  LONG,
);

it(
  'does not know how an instance is whose agent is gone, goes on elsewhere, and catches up when it is back',
  async () => {
    const gone = agents.get('two') as RunningAgent;
    gone.child.kill('SIGKILL');
    await gone.ended;
    for (const host of HOSTS) setTag(host, 'v1.1.0');
    await daemon.untilReady(slugs.one, 'v1.1.0');
    const status = await daemon.untilStatus(
      slugs.two,
      'is unreachable',
      (each) => conditionOf(each, 'Ready')?.reason === 'HostUnreachable',
    );
    expect(conditionOf(status, 'Ready')?.status).toBe('Unknown');
    expect(status).toMatchObject({ imageTag: 'v1.1.0', appliedImageTag: 'v1.0.0' });
    expect(await web('two')).toMatchObject({ tag: 'v1.0.0', state: 'running' });

    await startAgent('two');
    await daemon.untilReady(slugs.two, 'v1.1.0');
    expect(await web('two')).toMatchObject({ tag: 'v1.1.0', state: 'running' });
  },
  LONG,
);

const writeGated = (imageTag: string) =>
  fleet.writeOwn(gated, GATED, { 'site.conf.mustache': '{{imageTag}}\n' }, { host: 'one', imageTag });
const letBeHealthy = (imageTag: string) => fleet.writeTenant(gated, { [`content/${imageTag}`]: '' });

/** @returns the upgrade, which does not end by itself */
async function beginUpgrade(imageTag: string): Promise<Upgrade> {
  writeGated(imageTag);
  return until(
    'the upgrade waits for health',
    async () => {
      const [upgrade] = await daemon.upgrades(gated);
      const [container] = await fleet.containers(gated);
      return upgrade?.result === 'running' && container?.tag === imageTag && upgrade;
    },
    daemon.log,
  );
}

it(
  'gives an upgrade up that waits for health, once something else is desired',
  async () => {
    for (const imageTag of ['v1.0.0', 'v2.0.0']) letBeHealthy(imageTag);
    writeGated('v1.0.0');
    await daemon.untilReady(gated, 'v1.0.0');
    const { id } = await beginUpgrade('v1.1.0');
    writeGated('v2.0.0');
    await daemon.untilReady(gated, 'v2.0.0');
    expect(await fleet.containers(gated)).toMatchObject([{ tag: 'v2.0.0', state: 'running' }]);
    expect((await daemon.upgrades(gated)).find((each) => each.id === id)).toMatchObject({ result: 'superseded' });
  },
  LONG,
);

it(
  'is killed during an upgrade, and leaves a whole tenant to the next daemon, which says so of that upgrade',
  async () => {
    const { id } = await beginUpgrade('v1.1.0');
    await daemon.kill();
    expect((await daemon.upgrades(gated))[0]).toMatchObject({ id, result: 'running' });

    daemon = await start();
    letBeHealthy('v1.1.0');
    await daemon.untilReady(gated, 'v1.1.0');
    expect(await fleet.containers(gated)).toMatchObject([{ service: 'web', tag: 'v1.1.0', state: 'running' }]);
    expect(fleet.readTenant(gated, 'site.conf')).toBe('v1.1.0\n');
    const upgrades = await daemon.upgrades(gated);
    expect(upgrades.find((each) => each.id === id)).toMatchObject({
      result: 'interrupted',
      finishedAt: expect.any(String),
    });
    expect(upgrades.filter(({ result }) => result === 'running')).toEqual([]);
    for (const host of HOSTS) await daemon.untilReady(slugs[host], 'v1.1.0');
  },
  LONG,
);

it(
  'has nothing left to do then, and ends with 0 when it is told to',
  async () => {
    const args = ['--pki', pki.controllers.controller as string, '--dry-run', '--detailed-exitcode'];
    const { code, stdout } = await fleet.flotilla(`reconcile ${args.join(' ')}`);
    expect(code, stdout).toBe(0);
    expect((await daemon.stop()).code).toBe(0);
  },
  LONG,
);
