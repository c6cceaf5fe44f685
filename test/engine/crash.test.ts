import { afterAll, beforeAll, expect, it } from 'vitest';
import { runApplyKills } from '../support/apply-kills.js';
import { type BuiltCli, buildCli } from '../support/cli-process.js';
import { LOCAL_SITE } from '../support/kill-site-local.js';

let cli: BuiltCli;
beforeAll(() => {
  cli = buildCli();
});
afterAll(() => cli.remove());

it('kill -9 at random moments of an apply: the next reconcile mends it', async () => {
  const report = await runApplyKills(cli, { site: LOCAL_SITE, kills: 36, seed: 1, parallel: 2 });
  expect(report.kills).toBeGreaterThanOrEqual(36);
  expect(Object.values(report.victims).every((count) => count > 0)).toBe(true);
}, 600_000);
