import { afterAll, beforeAll, expect, it } from 'vitest';
import { runApplyKills } from '../support/apply-kills.js';
import { type BuiltCli, buildCli } from '../support/cli-process.js';
import { AGENT_SITE } from '../support/kill-site-agent.js';

let cli: BuiltCli;
beforeAll(() => {
  cli = buildCli();
});
afterAll(() => cli.remove());

it('kill -9 of the agent, of the controller, of both and of compose at random moments of upgrades: the next reconcile mends it', async () => {
  const report = await runApplyKills(cli, { site: AGENT_SITE, kills: 16, seed: 1, parallel: 2, once: 2 });
  expect(report.kills).toBeGreaterThanOrEqual(16);
  expect(Object.values(report.victims).every((count) => count > 0)).toBe(true);
  expect(report.once).toBeGreaterThanOrEqual(2);
}, 600_000);
