import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CONFIRM_FILE, readConfirmed } from '../../../src/state/state-directory.js';
import { COMMIT, createDaemonMemory, decision, NEXT_COMMIT } from './daemon-memory.js';

vi.setConfig({ testTimeout: 120_000 });

let memory: ReturnType<typeof createDaemonMemory>;
beforeEach(async () => {
  memory = createDaemonMemory();
  await memory.write({
    accepted: [{ revision: COMMIT, author: null, at: new Date().toISOString(), instances: 9, problems: 0 }],
    decisions: [
      decision('Converged'),
      decision('SourceRefused', { slug: null, type: 'Warning', revision: NEXT_COMMIT }),
      decision('SourceRefused', { slug: null, type: 'Warning', revision: NEXT_COMMIT.replace(/2$/, '3') }),
      decision('SourceRefused', { slug: null, type: 'Warning', revision: `sha256:${'ab'.repeat(32)}` }),
    ],
  });
});
afterEach(() => memory.remove());

const confirmed = () => readConfirmed(join(memory.state, CONFIRM_FILE));

describe('confirm', () => {
  it('leaves the whole revision for the daemon, and says what comes next', async () => {
    const { code, stdout, stderr } = await memory.flotilla('confirm', NEXT_COMMIT);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'revision deadbeef0000 is confirmed\n' });
    expect(stderr).toContain('next: the daemon takes it');
    expect(await confirmed()).toBe(NEXT_COMMIT);
  });

  it('completes the start of one that the daemon has spoken of', async () => {
    expect(await memory.flotilla('confirm', 'abababab', '-q')).toMatchObject({ code: 0, stderr: '' });
    expect(await confirmed()).toBe(`sha256:${'ab'.repeat(32)}`);
  });

  it.each([
    ['deadbeef', 'several revisions that start with deadbeef'],
    ['0123456', 'no revision that starts with 0123456'],
    ['main', 'It must be a commit or a digest'],
  ])('refuses %s', async (revision, complaint) => {
    expect(await memory.flotilla('confirm', revision)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(complaint),
    });
    expect(await confirmed()).toBeNull();
  });

  it('has nothing to do for the one in force', async () => {
    expect(await memory.flotilla('confirm', COMMIT)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('already'),
    });
    expect(await confirmed()).toBeNull();
  });
});
