import { expect, test } from 'vitest';
import { buildCli } from '../support/cli-process.js';
import { runWriteKills } from '../support/write-kills.js';

test('kill -9 before each single write of an apply: the next run leaves the new file set, whole', async () => {
  const cli = buildCli();
  try {
    const report = await runWriteKills(cli, { from: 0, to: 3, parallel: 2 });
    expect(report.kills).toBe(report.writes);
    expect(report.kills).toBeGreaterThan(90);
    expect([...report.steps]).toEqual(
      expect.arrayContaining([
        'openSync lock',
        'mkdir stage',
        'rename journal.json',
        'rename docker-compose.yml',
        'truncate',
        'unlink legacy.conf',
        'rename applied.json',
        'rename generation.json',
      ]),
    );
  } finally {
    cli.remove();
  }
}, 400_000);
