import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type BuiltCli, buildCli } from '../support/cli-process.js';
import { createOperatorFleet, type OperatorFleet } from '../support/operator.js';
import { CANARIES, failingCases, GOOD, type SecretCase } from '../support/secret-cases.js';
import { historyBytes, startDaemon, type WatchDaemon } from '../support/watch-daemon.js';
import { type Listener, startListener } from '../support/watch-listener.js';
import { until } from '../support/watch-state.js';

const TIMEOUTS = '{ pull: 1m, up: 1m, verify: 5s, settle: 200ms }';

let cli: BuiltCli;
let fleet: OperatorFleet;
let listener: Listener;
let daemon: WatchDaemon;

beforeAll(async () => {
  cli = buildCli();
  fleet = createOperatorFleet(TIMEOUTS);
  listener = await startListener();
  for (const one of [GOOD, ...failingCases()]) writeCase(one);
  daemon = await startDaemon(cli, {
    directory: fleet.dir,
    logLevel: 'trace',
    config: { notifications: [{ type: 'webhook', url: listener.url }] },
  });
}, 300_000);
afterAll(async () => {
  await daemon?.kill();
  await listener?.close();
  await fleet.cleanUp();
  cli.remove();
});

function writeCase(one: SecretCase): void {
  const slug = fleet.slug(one.name);
  const paths = Object.keys(one.sensitive ?? {}).map((path) => path.replace('.mustache', ''));
  const files = paths.map((path) => ({ path, sensitive: true, mode: '0600' }));
  fleet.writeOwn(slug, one.compose, one.sensitive, { values: one.values ?? {} });
  const spec = { compose: 'docker-compose.yml', tenantCompose: ['docker-compose.override.yml'], files };
  const template = { apiVersion: 'flotilla.dev/v1', kind: 'Template', metadata: { name: slug }, spec };
  write(join(fleet.templates, slug, 'template.yaml'), JSON.stringify(template));
  fleet.writeTenant(slug, one.tenant);
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** What the daemon calls what a single reconcile calls so. */
function reasonOf({ expected }: SecretCase): string {
  if (expected === 'waiting') return 'EnvCoverageBlocked';
  return expected === 'TemplateInvalid' || expected === 'RenderFailed' ? 'DesiredStateInvalid' : expected;
}

it('tells of what goes wrong with tenants, and of no value that they have', async () => {
  await daemon.untilReady(fleet.slug(GOOD.name), 'v1.0.0');
  for (const one of failingCases()) {
    const reason = reasonOf(one);
    await daemon.untilStatus(fleet.slug(one.name), `says ${reason}`, ({ conditions }) =>
      conditions.some((condition) => condition.reason === reason),
    );
  }
  fleet.writeTenant(fleet.slug(GOOD.name), { 'secret.conf': `${CANARIES[0]} edited by hand\n` });
  await daemon.untilDecision('Healed', { slug: fleet.slug(GOOD.name) });
  await until(
    'people are told of all kinds',
    () => hasHeard('UpgradeSucceeded', 'UpgradeFailed', 'DriftDetected'),
    () => listener.heard().join('\n'),
  );

  const metrics = await (await fetch(`${daemon.url}/metrics`)).text();
  const told = [
    ['history', ...(await printed('history', '--verbose', '--limit', '10000'))],
    ['events', ...(await printed('events', '--limit', '10000'))],
    ['instances', ...(await printed('get', 'instances', '-o', 'json'))],
  ];
  await daemon.stop();
  const everything = {
    log: daemon.log(),
    metrics,
    database: historyBytes(fleet.dir).toString('latin1'),
    notifications: listener.heard().join('\n'),
    commands: told.flat().join('\n'),
  };
  for (const [where, text] of Object.entries(everything)) {
    expect(text.length, where).toBeGreaterThan(1_000);
    expect(linesWithCanaries(text), where).toEqual([]);
  }
  expect(everything.database.includes('secret.conf'), 'what it is about is in the history').toBe(true);
}, 600_000);

function hasHeard(...kinds: string[]): boolean {
  const heard = listener.heard().map((body) => (JSON.parse(body) as { event: string }).event);
  return kinds.every((kind) => heard.includes(kind));
}

async function printed(...line: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await daemon.flotilla(...line);
  expect(code, stderr).toBe(0);
  return [stdout, stderr];
}

function linesWithCanaries(text: string): string[] {
  return text.split('\n').filter((line) => CANARIES.some((canary) => line.includes(canary)));
}
