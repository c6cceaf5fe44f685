import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { run } from '../../../src/cli/run.js';
import { memoryIo } from '../../support/memory-io.js';
import { createTinyFleet } from '../../support/tiny-fleet.js';
import { condition, createDaemonMemory, status } from '../state/daemon-memory.js';

vi.setConfig({ testTimeout: 120_000 });

let memory: ReturnType<typeof createDaemonMemory>;
beforeEach(() => {
  memory = createDaemonMemory();
});
afterEach(() => memory.remove());

const STALLED = status('beta', {
  imageTag: 'v9',
  failures: 3,
  fleet: null,
  conditions: [
    condition('Ready', 'False', 'RenderFailed', 'it does not render'),
    condition('Stalled', 'True', 'ImageNotFound', 'there is no such tag'),
  ],
});

describe('get where a daemon has left its memory', () => {
  beforeEach(() => memory.write({ statuses: [STALLED, status('acme')] }));

  it('lists instances as the daemon last saw them', async () => {
    expect(await memory.flotilla('get')).toEqual({
      code: 0,
      stderr: '',
      stdout: `\
NAME  HOST        TAG     APPLIED  READY  STATUS         AGE
acme  edmonton-1  v1.1.0  v1.1.0   True   Converged      5h
beta  edmonton-1  v9      v1.1.0   False  ImageNotFound  5h
`,
    });
    expect((await memory.flotilla('get', 'instances', 'beta', '-o', 'wide')).stdout).toBe(`\
NAME  HOST        TAG  APPLIED  READY  STATUS         AGE  FLEET  REVISION      ATTEMPTED     VERIFIED      FAILURES  NEXT  MESSAGE
beta  edmonton-1  v9   v1.1.0   False  ImageNotFound  5h   -      c0ffee000000  c0ffee000000  c0ffee000000  3         -     there is no such tag
`);
  });

  it('lists them for machines', async () => {
    const { stdout } = await memory.flotilla('get', '-o', 'json');
    expect(JSON.parse(stdout)).toMatchObject({
      apiVersion: 'flotilla.dev/v1',
      kind: 'InstanceStatusList',
      items: [{ slug: 'acme' }, JSON.parse(JSON.stringify(STALLED))],
    });
    expect((await memory.flotilla('get', '-o', 'yaml')).stdout).toMatch(/^apiVersion: .*\nkind: InstanceStatusList\n/);
    expect((await memory.flotilla('get', '-o', 'name')).stdout).toBe('acme\nbeta\n');
  });

  it('names the nearest of an instance that is not known', async () => {
    expect(await memory.flotilla('get', 'instances', 'beto')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('did you mean "beta"?'),
    });
  });

  it('asks hosts when --live says so', async () => {
    const fleet = createTinyFleet();
    try {
      const io = memoryIo({ env: { DOCKER_HOST: 'unix:///nonexistent.sock' } });
      const place = [
        '--manifests',
        join(fleet.directory, 'manifests'),
        '--templates',
        join(fleet.directory, 'templates'),
      ];
      expect(await run(['get', '--live', '--state', memory.state, ...place], io)).toBe(1);
      expect(io.stdout()).toMatch(/^SLUG +HOST .*\nacme +here .*EngineUnreachable/);
    } finally {
      fleet.remove();
    }
  });
});

describe('get --watch', () => {
  it('prints all, then each instance that has changed or gone, until Ctrl-C', async () => {
    const acme = status('acme');
    await memory.write({ statuses: [acme, status('beta')] });
    const { io, code } = memory.start('get', '--watch');
    await vi.waitFor(() => expect(io.stdout()).toMatch(/\nbeta /), 60_000);
    await memory.write({ statuses: [{ ...acme, updatedAt: '2099-01-01T00:00:00.000Z' }] });
    await memory.write({ statuses: [STALLED] });
    await vi.waitFor(() => expect(io.stdout()).toContain('ImageNotFound'), 60_000);
    await memory.write({ forgotten: ['beta'] });
    await vi.waitFor(() => expect(io.stdout()).toContain('Removed'), 60_000);
    process.emit('SIGINT');
    expect(await code).toBe(130);
    expect(io.stdout()).toBe(`\
NAME  HOST        TAG     APPLIED  READY  STATUS     AGE
acme  edmonton-1  v1.1.0  v1.1.0   True   Converged  5h
beta  edmonton-1  v1.1.0  v1.1.0   True   Converged  5h
beta  edmonton-1  v9      v1.1.0   False  ImageNotFound  5h
beta  edmonton-1  v9      v1.1.0   -      Removed    0s
`);
  });

  it('prints one JSON document a line, of those named', async () => {
    await memory.write({ statuses: [status('acme'), status('beta')] });
    const { io, code } = memory.start('get', 'instances', 'beta', '-w', '-o', 'json');
    await vi.waitFor(() => expect(io.stdout()).toContain('\n'), 60_000);
    await memory.write({ statuses: [status('acme', { failures: 1 })] });
    await memory.write({ statuses: [status('beta', { failures: 1 })] });
    const lines = () =>
      io
        .stdout()
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
    await vi.waitFor(() => expect(lines()).toHaveLength(2), 60_000);
    process.emit('SIGINT');
    expect(await code).toBe(130);
    expect(lines()).toMatchObject([
      { kind: 'InstanceStatus', slug: 'beta', failures: 0, removed: false },
      { kind: 'InstanceStatus', slug: 'beta', failures: 1, removed: false },
    ]);
  });

  it.each([['get'], ['events']])('ends when nobody reads it any more, as %s --watch does', async (command) => {
    await memory.write({ statuses: [status('acme')] });
    const { io, code } = memory.start(command, '--watch');
    await vi.waitFor(() => expect(io.stdout()).toContain('\n'), 60_000);
    io.out.closed = () => true;
    await memory.write({ statuses: [status('acme', { failures: 1 })] });
    expect(await code).toBe(0);
  });

  it('is refused where there is nothing to watch', async () => {
    expect(await memory.flotilla('get', 'hosts', '--watch')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('flotilla get instances --watch'),
    });
    expect(await memory.flotilla('get', '--watch')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('HistoryUnavailable'),
    });
  });
});
