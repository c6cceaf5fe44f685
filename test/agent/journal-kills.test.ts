import { expect, test } from 'vitest';
import { runCommitKills } from './support/commit-kills.js';

test('kill -9 at any step of a commit or a recovery leaves the old set or the new one, whole', async () => {
  const report = await runCommitKills({ runs: 90, seed: 1, parallel: 2 });
  expect(report.kills).toBeGreaterThan(75);
  expect(report.forward).toBeGreaterThan(20);
  expect(report.back).toBeGreaterThan(20);
  const steps = [
    'stage',
    'back up',
    'sync the stage',
    'make directory',
    'write',
    'truncate',
    'remove',
    'sync directory',
    'restore',
  ];
  expect([...report.steps]).toEqual(expect.arrayContaining(steps));
}, 120_000);
