import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { InstanceStatus } from '../../src/history/instance-status.js';
import { type BuiltCli, buildCli } from '../support/cli-process.js';
import { createOperatorFleet, type OperatorFleet } from '../support/operator.js';
import { startDaemon, type WatchDaemon } from '../support/watch-daemon.js';
import { AUTHOR, createRepository, type FleetRepository, SECRET, sendPush } from '../support/watch-repository.js';
import { conditionOf, until } from '../support/watch-state.js';

const TIMEOUTS = '{ pull: 1m, up: 1m, verify: 1m, settle: 0s }';
const LONG = 300_000;
/** For a thousand webhooks: all that come during one read are worth one more, and a fetch takes as long as dozens of them. */
const MOST_READS = 250;
/** A read of this small repository takes a fraction of it. */
const QUIET_MS = 2_000;

let cli: BuiltCli;
let fleet: OperatorFleet;
let repository: FleetRepository;
let daemon: WatchDaemon;
let slug: string;
let first: string;

beforeAll(async () => {
  cli = buildCli();
  fleet = createOperatorFleet(TIMEOUTS);
  slug = fleet.slug('git');
  fleet.writeInstance(slug, {});
  repository = await createRepository(fleet);
  first = await repository.push('install');
  writeFileSync(secretFile(), SECRET, { mode: 0o600 });
  daemon = await start();
}, LONG);
afterAll(async () => {
  await daemon?.kill();
  await fleet.cleanUp();
  cli.remove();
});

const secretFile = () => join(fleet.dir, 'webhook-secret');

function start(): Promise<WatchDaemon> {
  return startDaemon(cli, {
    directory: fleet.dir,
    config: {
      // Only webhooks make it look again while the test runs.
      source: { git: { url: repository.url, interval: '24h' } },
      webhooks: [{ provider: 'github', secretFile: secretFile() }],
    },
  });
}

const isReady = (status: InstanceStatus) => conditionOf(status, 'Ready')?.status === 'True';
const ids = async () => (await fleet.containers(slug)).map(({ id }) => id);
const readyStatus = async () => (await fetch(`${daemon.url}/readyz`)).status;

/** Pushes this tag, and waits until it is brought there. @returns the commit */
async function pushTag(imageTag: string, push = repository.push): Promise<string> {
  fleet.writeInstance(slug, { imageTag });
  const commit = await push(`to ${imageTag}`);
  expect(await sendPush(daemon.url)).toBe(202);
  await daemon.untilReady(slug, imageTag);
  return commit;
}

it(
  'installs what the branch has',
  async () => {
    expect(await daemon.untilReady(slug, 'v1.0.0')).toMatchObject({ desiredRevision: first, appliedRevision: first });
    expect(await daemon.upgrades(slug)).toMatchObject([{ revision: first, author: AUTHOR, result: 'converged' }]);
    expect(await readyStatus()).toBe(200);
  },
  LONG,
);

it(
  'takes a commit as soon as a webhook with a good signature tells of it, and remembers whose it is',
  async () => {
    const commit = await pushTag('v1.1.0');
    expect(await daemon.status(slug)).toMatchObject({ desiredRevision: commit, appliedRevision: commit });
    expect((await daemon.upgrades(slug))[0]).toMatchObject({ revision: commit, author: AUTHOR, toImageTag: 'v1.1.0' });
    expect((await fleet.containers(slug)).map(({ tag }) => tag)).toEqual(['v1.1.0', 'v1.1.0']);
  },
  LONG,
);

it(
  'refuses a webhook with a bad signature, and does not look at the repository for it',
  async () => {
    const reads = await sourceReads();
    fleet.writeInstance(slug, { imageTag: 'v2.0.0' });
    const unseen = await repository.push('to be passed over');
    for (let i = 0; i < 5; i++) expect(await sendPush(daemon.url, 'guessed')).toBe(401);
    expect(await sourceReads()).toBe(reads);

    const commit = await pushTag('v1.0.0');
    expect(await daemon.wasAccepted(commit)).toBe(true);
    expect(await daemon.wasAccepted(unseen)).toBe(false);
    expect((await daemon.upgrades(slug)).map(({ toImageTag }) => toImageTag)).toEqual(['v1.0.0', 'v1.1.0', 'v1.0.0']);
  },
  LONG,
);

/** How often desired state was read, as its metrics count it. */
async function sourceReads(): Promise<number> {
  const metrics = await (await fetch(`${daemon.url}/metrics`)).text();
  const counts = metrics.matchAll(/^flotilla_source_read_duration_seconds_count(?:\{.*\})? (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** `sourceReads`, once no read waits for another. */
async function readsOnceQuiet(): Promise<number> {
  for (let before = -1; ; ) {
    const count = await sourceReads();
    if (count === before) return count;
    before = count;
    await sleep(QUIET_MS);
  }
}

it(
  'takes a thousand webhooks for the same commit without applying anything again, and reads far less often',
  async () => {
    const [before, upgrades] = [await ids(), await daemon.upgrades(slug)];
    const reads = await sourceReads();
    for (let sent = 0; sent < 1_000; sent += 25) {
      const statuses = await Promise.all(Array.from({ length: 25 }, () => sendPush(daemon.url)));
      expect(new Set(statuses)).toEqual(new Set([202]));
    }
    expect((await readsOnceQuiet()) - reads).toBeLessThan(MOST_READS);
    expect(await readyStatus()).toBe(200);
    expect(await daemon.upgrades(slug)).toEqual(upgrades);
    expect(await ids()).toEqual(before);
    await pushTag('v2.0.0');
    expect(await daemon.upgrades(slug)).toHaveLength(upgrades.length + 1);
  },
  LONG,
);

it(
  'follows a branch whose history was rewritten',
  async () => {
    const replaced = await daemon.revision();
    const commit = await pushTag('v1.1.0', repository.forcePush);
    expect(commit).not.toBe(replaced);
    expect(await daemon.revision()).toBe(commit);
    expect((await daemon.upgrades(slug))[0]).toMatchObject({
      fromImageTag: 'v2.0.0',
      revision: commit,
      result: 'converged',
    });
  },
  LONG,
);

it(
  'keeps the fleet while the repository is away, says that it is, and goes on once it is back',
  async () => {
    const [before, status] = [await ids(), await daemon.status(slug)];
    repository.away();
    expect(await sendPush(daemon.url)).toBe(202);
    await until('it is not ready', async () => (await readyStatus()) === 503, daemon.log);
    const failed = await daemon.untilDecision('SourceUnreadable', {});
    expect(await ids()).toEqual(before);
    expect(await daemon.status(slug)).toEqual(status);

    repository.back();
    await until('it is ready again', async () => (await readyStatus()) === 200, daemon.log);
    await daemon.untilDecision('SourceRecovered', { after: failed.sequence });
    await pushTag('v2.0.0');
  },
  LONG,
);

it(
  'keeps the fleet when a commit has no manifests at all',
  async () => {
    const [before, inForce] = [await ids(), await daemon.revision()];
    const away = join(fleet.dir, 'manifests.away');
    const last = (await daemon.decisions()).at(-1)?.sequence ?? 0;
    renameSync(fleet.manifests, away);
    await repository.push('the folder is gone');
    expect(await sendPush(daemon.url)).toBe(202);
    await daemon.untilDecision('SourceUnreadable', { after: last });
    expect(await readyStatus()).toBe(503);
    expect(await daemon.revision()).toBe(inForce);
    expect(await daemon.status(slug)).toMatchObject({ appliedImageTag: 'v2.0.0' });
    expect(await ids()).toEqual(before);

    renameSync(away, fleet.manifests);
    await pushTag('v1.1.0');
  },
  LONG,
);

/** Somebody edits a managed file of the instance; resolves once it is healed. */
async function untilHealed(): Promise<void> {
  const after = (await daemon.decisions()).at(-1)?.sequence ?? 0;
  fleet.writeTenant(slug, { 'web.conf': 'by hand\n' });
  await daemon.untilDecision('Healed', { slug, after });
  expect(fleet.readTenant(slug, 'web.conf')).toBe('tag v1.1.0\n');
}

it(
  'keeps the fleet as it was when it is started while the repository is away',
  async () => {
    const inForce = await daemon.revision();
    expect((await daemon.stop()).code).toBe(0);
    repository.away();
    daemon = await start();
    await until('it is not ready', async () => (await readyStatus()) === 503, daemon.log);
    await untilHealed();
    expect(await daemon.status(slug)).toMatchObject({ appliedImageTag: 'v1.1.0', desiredRevision: inForce });
    repository.back();
    await until('it is ready again', async () => (await readyStatus()) === 200, daemon.log);
  },
  LONG,
);

it(
  'holds what is broken at its last good state after a restart, too, and heals it there',
  async () => {
    const file = join(fleet.manifests, `${slug}.json`);
    const good = readFileSync(file, 'utf8');
    writeFileSync(file, good.replace('v1.1.0', 'not a tag'));
    await repository.push('broken');
    expect(await sendPush(daemon.url)).toBe(202);
    const isHeld = (status: InstanceStatus) => conditionOf(status, 'Stalled')?.reason === 'DesiredStateInvalid';
    await daemon.untilStatus(slug, 'is held', isHeld);
    await daemon.kill();
    daemon = await start();
    await untilHealed();
    const status = await daemon.untilStatus(slug, 'is held, and well', (each) => isHeld(each) && isReady(each));
    expect(conditionOf(status, 'Stalled')?.message).toMatch(/^held at its last good desired state: manifests\//);
    writeFileSync(file, good);
    const mended = await repository.push('mended');
    expect(await sendPush(daemon.url)).toBe(202);
    await until('it is taken', () => daemon.wasAccepted(mended), daemon.log);
  },
  LONG,
);

it(
  'refuses a commit that leaves no instance, until somebody confirms it',
  async () => {
    const [before, inForce] = [await ids(), await daemon.revision()];
    rmSync(join(fleet.manifests, `${slug}.json`));
    const emptied = await repository.push('by mistake');
    expect(await sendPush(daemon.url)).toBe(202);
    const refused = await daemon.untilDecision('SourceRefused', {});
    expect(refused).toMatchObject({ type: 'Warning', message: expect.stringContaining(`flotilla confirm ${emptied}`) });
    expect(await daemon.revision()).toBe(inForce);
    expect(await daemon.status(slug)).toMatchObject({ appliedImageTag: 'v1.1.0' });

    const confirmed = await daemon.flotilla('confirm', emptied.slice(0, 7));
    expect(confirmed, confirmed.stderr).toMatchObject({ code: 0 });
    await daemon.untilDecision('Orphaned', { slug });
    await until('it is known no more', async () => (await daemon.status(slug)) === undefined, daemon.log);
    expect(await daemon.wasAccepted(emptied)).toBe(true);
    expect(await ids()).toEqual(before);
  },
  LONG,
);

it(
  'ends with 0 when it is told to',
  async () => {
    expect((await daemon.stop()).code).toBe(0);
  },
  LONG,
);
