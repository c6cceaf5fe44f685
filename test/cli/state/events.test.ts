import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createDaemonMemory, decision, status } from './daemon-memory.js';

vi.setConfig({ testTimeout: 120_000 });

let memory: ReturnType<typeof createDaemonMemory>;
beforeEach(async () => {
  memory = createDaemonMemory();
  await memory.write({
    statuses: [status('acme'), status('beta')],
    decisions: [
      decision('Reconciling'),
      decision('SourceRefused', { slug: null, host: null, type: 'Warning' }),
      decision('Suspended', { slug: 'beta' }),
      decision('Converged'),
    ],
  });
});
afterEach(() => memory.remove());

it('events lists the last decisions, oldest first', async () => {
  expect(await memory.flotilla('events')).toEqual({
    code: 0,
    stderr: '',
    stdout: `\
AGE  TYPE     REASON         SLUG  MESSAGE
5h   Normal   Reconciling    acme  what is behind Reconciling
5h   Warning  SourceRefused  -     what is behind SourceRefused
5h   Normal   Suspended      beta  what is behind Suspended
5h   Normal   Converged      acme  what is behind Converged
`,
  });
  const reasons = async (...argv: string[]) =>
    JSON.parse((await memory.flotilla('events', '-o', 'json', ...argv)).stdout).items.map(
      ({ reason }: { reason: string }) => reason,
    );
  expect(await reasons('acme')).toEqual(['Reconciling', 'Converged']);
  expect(await reasons('--limit', '2')).toEqual(['Suspended', 'Converged']);
  expect(await reasons('--types', 'Warning', '--limit', '1')).toEqual(['SourceRefused']);
});

it('events of an instance that is not known is a mistake', async () => {
  expect(await memory.flotilla('events', 'acne')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('did you mean "acme"?'),
  });
});

it('events --watch goes on with those that come, each once, until Ctrl-C', async () => {
  const { io, code } = memory.start('events', 'acme', '--watch', '--limit', '1');
  await vi.waitFor(() => expect(io.stdout()).toContain('Converged'), 60_000);
  await memory.write({ decisions: [decision('Drifted'), decision('Other', { slug: 'beta' })] });
  await memory.write({ decisions: [decision('Healed')] });
  await vi.waitFor(() => expect(io.stdout()).toContain('Healed'), 60_000);
  process.emit('SIGINT');
  expect(await code).toBe(130);
  const shown = io.stdout().trimEnd().split('\n');
  expect(shown.map((line) => line.split(/ +/)[2])).toEqual(['REASON', 'Converged', 'Drifted', 'Healed']);
});
