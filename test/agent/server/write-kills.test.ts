import { expect, test } from 'vitest';
import { buildCli } from '../../support/cli-process.js';
import { runWriteKills } from '../../support/write-kills.js';

test('kill -9 of the agent before writes of an apply: once it is back the same reconcile leaves the new file set, whole', async () => {
  const cli = buildCli();
  try {
    const report = await runWriteKills(cli, { from: 0, to: 3, parallel: 2, victim: 'agent', every: 4 });
    expect(report.kills).toBe(Math.ceil(report.writes / 4));
    expect(report.kills).toBeGreaterThan(20);
  } finally {
    cli.remove();
  }
}, 400_000);
