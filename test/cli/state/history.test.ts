import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createDaemonMemory, status, upgrade } from './daemon-memory.js';

vi.setConfig({ testTimeout: 120_000 });

let memory: ReturnType<typeof createDaemonMemory>;
beforeEach(async () => {
  memory = createDaemonMemory();
  await memory.write({
    statuses: [status('acme'), status('beta'), status('calm')],
    upgrades: [
      upgrade('a1', { fromImageTag: null, toImageTag: 'v1.0.0', startedAt: '2026-01-09T12:00:00.000Z', author: null }),
      upgrade('a2'),
      upgrade('b1', {
        slug: 'beta',
        startedAt: '2026-01-11T12:00:00.000Z',
        finishedAt: null,
        result: 'running',
        phases: [],
      }),
      upgrade('a3', {
        startedAt: '2026-01-12T12:00:00.000Z',
        finishedAt: '2026-01-12T12:10:00.000Z',
        result: 'failed',
        error: { code: 'UpFailed', message: 'api exited\n\u001b[31m with 1', phase: 'up' },
      }),
    ],
  });
});
afterEach(() => memory.remove());

/** Ages depend on the day. */
const ageless = (text: string) => text.replace(/^(AGE|\d+[smhd]) +/gm, '').replace(/\d+[smhd] ago/g, 'AGE ago');

describe('history', () => {
  it('lists upgrades, the newest first', async () => {
    const { code, stdout } = await memory.flotilla('history');
    expect(code).toBe(0);
    expect(ageless(stdout)).toBe(`\
SLUG  FROM    TO      CAUSE                    RESULT     TOOK  AUTHOR  REVISION
acme  v1.0.0  v1.1.0  update v1.0.0 -> v1.1.0  failed     10m   Ada     c0ffee000000
beta  v1.0.0  v1.1.0  update v1.0.0 -> v1.1.0  running    -     Ada     c0ffee000000
acme  v1.0.0  v1.1.0  update v1.0.0 -> v1.1.0  converged  7s    Ada     c0ffee000000
acme  -       v1.0.0  update v1.0.0 -> v1.1.0  converged  24h   -       c0ffee000000
`);
    expect((await memory.flotilla('history', 'acme', '--limit', '1')).stdout.split('\n')).toHaveLength(3);
    expect((await memory.flotilla('history', '-o', 'wide')).stdout).toMatch(
      /edmonton-1 +production +a3 +UpFailed: api exited \\x1b\[31m with 1\n/,
    );
  });

  it('tells all of each with -v', async () => {
    const { stdout } = await memory.flotilla('history', 'acme', '-v', '--limit', '1');
    expect(ageless(stdout)).toBe(`\
acme on edmonton-1: v1.0.0 -> v1.1.0 failed
  started     2026-01-12T12:00:00.000Z (AGE ago, took 10m)
  cause       update v1.0.0 -> v1.1.0
  revision    c0ffee0000000000000000000000000000000001 by Ada <ada@example.org>
  id          a3
  files       docker-compose.yml modified (update)
  containers  api recreate (image changed)
  steps       pull (image changed)
  phases      pull 3.2s
              up 0.9s
  error       UpFailed during up: api exited \\x1b[31m with 1
  log         api: started
`);
  });

  it('tells all of one by its id', async () => {
    expect((await memory.flotilla('history', '--id', 'b')).stdout).toMatch(/^beta on edmonton-1: .* running\n/);
    expect(await memory.flotilla('history', '--id', 'a')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('3 upgrades have an id that starts with "a"'),
    });
  });

  it('is one document for machines', async () => {
    const { stdout } = await memory.flotilla('history', 'beta', '-o', 'json');
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'UpgradeList', items: [{ id: 'b1', finishedAt: null }] });
    expect((await memory.flotilla('history', '-o', 'yaml')).stdout).toMatch(/^apiVersion: .*\nkind: UpgradeList\n/);
  });

  it('of an instance without upgrades is empty; of one that is not known it is a mistake', async () => {
    expect(await memory.flotilla('history', 'calm')).toMatchObject({
      code: 0,
      stdout: 'no upgrade has been recorded yet\n',
    });
    expect(await memory.flotilla('history', 'calmer')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('did you mean "calm"?'),
    });
  });
});

it('history says where to look when there is no memory', async () => {
  const empty = createDaemonMemory();
  expect(await empty.flotilla('history')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/HistoryUnavailable[\s\S]*--state/),
  });
  await empty.remove();
});
