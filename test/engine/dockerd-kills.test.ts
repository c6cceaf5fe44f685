import { afterAll, beforeAll, expect, it } from 'vitest';
import { runApplyKills } from '../support/apply-kills.js';
import { type BuiltCli, buildCli } from '../support/cli-process.js';
import { createDockerdSite } from '../support/kill-site-agent.js';
import { type SpareEngine, useSpareEngine } from '../support/spare-engine.js';

let cli: BuiltCli;
let engine: SpareEngine;
beforeAll(async () => {
  cli = buildCli();
  engine = await useSpareEngine();
});
afterAll(async () => {
  cli.remove();
  await engine.remove();
});

it('kill -9 of dockerd at random moments of upgrades: the next reconcile mends it', async () => {
  const report = await runApplyKills(cli, { site: createDockerdSite(engine), kills: 2, seed: 1, parallel: 1 });
  expect(report.kills).toBeGreaterThanOrEqual(2);
}, 600_000);
