import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type BuiltCli, buildCli } from '../support/cli-process.js';
import { docker } from '../support/engine.js';
import { createOperatorFleet, IMAGE, type OperatorFleet } from '../support/operator.js';
import { startDaemon, type WatchDaemon } from '../support/watch-daemon.js';
import { conditionOf, until } from '../support/watch-state.js';

const TIMEOUTS = '{ pull: 1m, up: 1m, verify: 1m, settle: 0s }';
const LONG = 300_000;

/** With a volume of its own, which must outlive it. */
const COMPOSE = `services:
  web:
    image: "${IMAGE}"
    command: [serve]
    volumes: [data:/data]
    stop_grace_period: 1s
volumes: { data: {} }
`;

let cli: BuiltCli;
let fleet: OperatorFleet;
let daemon: WatchDaemon;
let healed: string;
let reported: string;
let paused: string;
let down: string;
let orphan: string;

beforeAll(async () => {
  cli = buildCli();
  fleet = createOperatorFleet(TIMEOUTS);
  const slugs = ['healed', 'reported', 'paused', 'down', 'orphan'].map((name) => fleet.slug(name));
  [healed, reported, paused, down, orphan] = slugs as [string, string, string, string, string];
  fleet.writeInstance(healed, {});
  fleet.writeInstance(reported, { driftPolicy: 'Report' });
  fleet.writeInstance(paused, {});
  fleet.writeOwn(down, COMPOSE, {}, { deletionPolicy: 'Down' });
  fleet.writeOwn(orphan, COMPOSE, {}, { deletionPolicy: 'Orphan' });
  daemon = await startDaemon(cli, { directory: fleet.dir });
  for (const slug of slugs) await daemon.untilReady(slug, 'v1.0.0');
}, 600_000);
afterAll(async () => {
  await daemon?.kill();
  await fleet.cleanUp();
  cli.remove();
});

const web = async (slug: string) => (await fleet.containers(slug)).find(({ service }) => service === 'web');
const kill = async (slug: string) => docker(['kill', (await web(slug))?.id ?? '']);
const isRunning = async (slug: string) => (await web(slug))?.state === 'running';
const ids = async (slug: string) => (await fleet.containers(slug)).map(({ id }) => id);
const volumes = async (slug: string) =>
  docker(['volume', 'ls', '--quiet', '--filter', `label=com.docker.compose.project=${slug}`]);

/** Kills the container of the instance that is healed, until it runs again: what was to be done before has been done. */
async function untilHealed(): Promise<void> {
  const before = (await daemon.upgrades(healed)).length;
  await kill(healed);
  await until('the killed container runs again', () => isRunning(healed), daemon.log);
  await daemon.untilReady(healed, 'v1.0.0');
  await until('its healing is recorded', async () => (await daemon.upgrades(healed)).length > before, daemon.log);
}

it(
  'puts a managed file back that was edited on the host, and restarts what mounts it',
  async () => {
    const before = await daemon.upgrades(healed);
    const started = await startedAt(healed);
    fleet.writeTenant(healed, { 'web.conf': 'by hand\n' });
    await daemon.untilDecision('Healed', { slug: healed });
    expect(fleet.readTenant(healed, 'web.conf')).toBe('tag v1.0.0\n');
    await daemon.untilReady(healed, 'v1.0.0');
    expect(await startedAt(healed)).not.toBe(started);
    const [upgrade, ...rest] = await daemon.upgrades(healed);
    expect(rest).toEqual(before);
    expect(upgrade).toMatchObject({
      fromImageTag: 'v1.0.0',
      toImageTag: 'v1.0.0',
      result: 'converged',
      plan: { files: [{ path: 'web.conf', status: 'modified', cause: 'drift' }] },
    });
  },
  LONG,
);

async function startedAt(slug: string): Promise<string> {
  return docker(['inspect', '--format', '{{.State.StartedAt}}', (await web(slug))?.id ?? '']);
}

it(
  'starts a container again that was killed',
  async () => {
    await untilHealed();
    const upgrades = await daemon.upgrades(healed);
    expect(upgrades[0]).toMatchObject({ result: 'converged', plan: { files: [] } });
    expect(upgrades.flatMap(({ plan }) => plan.containers ?? [])).toContainEqual(
      expect.objectContaining({ service: 'web', cause: expect.stringContaining('137') }),
    );
  },
  LONG,
);

it(
  'only tells of drift where the manifest says so',
  async () => {
    fleet.writeTenant(reported, { 'web.conf': 'by hand\n' });
    await kill(reported);
    const status = await daemon.untilStatus(
      reported,
      'has drifted',
      (each) => conditionOf(each, 'Drifted')?.status === 'True',
    );
    expect(conditionOf(status, 'Ready')?.status).not.toBe('True');
    expect(await daemon.untilDecision('DriftReported', { slug: reported })).toMatchObject({ type: 'Warning' });
    await untilHealed();
    expect(await web(reported)).toMatchObject({ state: 'exited' });
    expect(fleet.readTenant(reported, 'web.conf')).toBe('by hand\n');
    expect(await daemon.upgrades(reported)).toHaveLength(1);
  },
  LONG,
);

it(
  'leaves alone what is suspended, until it is resumed',
  async () => {
    const edit = async (verb: string) => {
      const { code, stderr } = await fleet.flotilla(`${verb} ${paused}`);
      expect(code, stderr).toBe(0);
    };
    const before = (await daemon.status(paused))?.desiredRevision;
    await edit('suspend');
    await daemon.untilStatus(
      paused,
      'is suspended',
      (status) => status.desiredRevision !== before && conditionOf(status, 'Ready')?.status === 'True',
    );
    await kill(paused);
    await daemon.untilDecision('Suspended', { slug: paused });
    await untilHealed();
    expect(await web(paused)).toMatchObject({ state: 'exited' });
    expect(await daemon.upgrades(paused)).toHaveLength(1);

    await edit('resume');
    await until('what was resumed runs again', () => isRunning(paused), daemon.log);
    await daemon.untilReady(paused, 'v1.0.0');
  },
  LONG,
);

it(
  'takes the containers down once the manifest is gone, and keeps files and volumes, where it says Down',
  async () => {
    fleet.writeTenant(down, { 'content/page.html': 'of the tenant\n' });
    const volume = await volumes(down);
    expect(volume).not.toBe('');
    rmSync(join(fleet.manifests, `${down}.json`));
    await daemon.untilDecision('TakenDown', { slug: down });
    expect(await fleet.containers(down)).toEqual([]);
    expect(await networks(down)).toBe('');
    expect(await volumes(down)).toBe(volume);
    expect(fleet.readTenant(down, 'content/page.html')).toBe('of the tenant\n');
    expect(existsSync(join(fleet.tenantDir(down), 'docker-compose.yml'))).toBe(true);
    await until('it is known no more', async () => (await daemon.status(down)) === undefined, daemon.log);
    expect((await daemon.upgrades(down))[0]).toMatchObject({
      cause: 'its manifest was removed',
      toImageTag: 'v1.0.0',
      result: 'converged',
    });
  },
  LONG,
);

function networks(slug: string): Promise<string> {
  return docker(['network', 'ls', '--quiet', '--filter', `label=com.docker.compose.project=${slug}`]);
}

it(
  'leaves everything as it is once the manifest is gone, where it says Orphan',
  async () => {
    const [containers, volume] = [await ids(orphan), await volumes(orphan)];
    rmSync(join(fleet.manifests, `${orphan}.json`));
    await daemon.untilDecision('Orphaned', { slug: orphan });
    await until('it is known no more', async () => (await daemon.status(orphan)) === undefined, daemon.log);
    await kill(orphan);
    await untilHealed();
    expect(await web(orphan)).toMatchObject({ state: 'exited', id: containers[0] });
    expect(await volumes(orphan)).toBe(volume);
    expect(existsSync(join(fleet.tenantDir(orphan), 'docker-compose.yml'))).toBe(true);
  },
  LONG,
);

it(
  'brings a tenant back whose manifest came back, with its volume',
  async () => {
    const volume = await volumes(down);
    fleet.writeOwn(down, COMPOSE, {}, { deletionPolicy: 'Down' });
    await daemon.untilReady(down, 'v1.0.0');
    expect(await web(down)).toMatchObject({ state: 'running' });
    expect(await volumes(down)).toBe(volume);
  },
  LONG,
);
