import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { judge, parseWaitTarget } from '../../../src/cli/state/wait-target.js';
import { openStateDirectory } from '../../../src/state/state-directory.js';
import { COMMIT, condition, createDaemonMemory, NEXT_COMMIT, status } from './daemon-memory.js';

vi.setConfig({ testTimeout: 120_000 });

let memory: ReturnType<typeof createDaemonMemory>;
beforeEach(() => {
  memory = createDaemonMemory();
});
afterEach(() => memory.remove());

const working = (slug: string) =>
  status(slug, {
    conditions: [
      condition('Ready', 'False', 'Progressing', 'pulls images'),
      condition('Reconciling', 'True', 'Progressing'),
    ],
  });
const stalled = (slug: string) =>
  status(slug, {
    conditions: [
      condition('Ready', 'False', 'ImageNotFound', 'there is no such tag'),
      condition('Stalled', 'True', 'ImageNotFound', 'there is no such tag'),
    ],
  });
const accepted = (revision: string) => ({
  revision,
  author: null,
  at: new Date().toISOString(),
  instances: 2,
  problems: 0,
});

const noDaemon = () => `  no daemon runs on ${memory.state}: flotilla watch starts one\n`;

describe('wait', () => {
  it('ends at once when all are in the condition', async () => {
    await memory.write({ statuses: [status('acme'), stalled('beta')] });
    expect(await memory.flotilla('wait', 'acme')).toEqual({
      code: 0,
      stderr: '',
      stdout: 'acme condition met: Ready (Converged)\n',
    });
    expect(await memory.flotilla('wait', 'beta', '--for', 'stalled')).toMatchObject({ code: 0 });
    expect((await memory.flotilla('wait', 'acme', 'beta', '--for', 'Drifted=False')).stdout).toBe(
      'acme condition met: Drifted=False (NotSet)\nbeta condition met: Drifted=False (NotSet)\n',
    );
  });

  it('waits for a daemon that has only just started, and then for the instance', async () => {
    const { io, code } = memory.start('wait', 'acme', 'beta', '--timeout', '10m');
    await memory.write({ statuses: [working('acme'), status('beta')] });
    await vi.waitFor(() => expect(io.stdout()).toContain('beta condition met'), 60_000);
    expect(io.stdout()).not.toContain('acme');
    await memory.write({ statuses: [status('acme')] });
    expect(await code).toBe(0);
    expect(io.stdout()).toContain('acme condition met: Ready (Converged)\n');
  });

  it('says what is instead when time is up', async () => {
    await memory.write({ statuses: [working('acme')] });
    expect(await memory.flotilla('wait', 'acme', 'nobody', '--timeout', '0s')).toEqual({
      code: 1,
      stdout: '',
      stderr: `error: acme is not Ready: Ready is False (Progressing): pulls images\nerror: nobody is not Ready: the daemon does not know it\n${noDaemon()}`,
    });
    expect(await memory.flotilla('wait', 'acme', '--for', 'Reconciling=False', '--timeout', '1ms')).toMatchObject({
      code: 1,
      stderr: `error: acme is not Reconciling=False: Reconciling is True (Progressing)\n${noDaemon()}`,
    });
  });

  it('says nothing of the daemon where one runs', async () => {
    await memory.write({ statuses: [working('acme')] });
    const state = await openStateDirectory(memory.state);
    expect(await memory.flotilla('wait', 'acme', '--timeout', '0s')).toMatchObject({
      code: 1,
      stderr: 'error: acme is not Ready: Ready is False (Progressing): pulls images\n',
    });
    state.close();
  });

  it('says that there is no history when time is up', async () => {
    expect(await memory.flotilla('wait', 'acme', '--timeout', '0s')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('error: acme is not Ready: there is no history in '),
    });
  });

  it('ends at once when a person is needed', async () => {
    await memory.write({ statuses: [stalled('acme')] });
    expect(await memory.flotilla('wait', 'acme', '--timeout', '24h')).toMatchObject({
      code: 1,
      stderr: `error: acme is not Ready: Stalled is True (ImageNotFound): there is no such tag; a person is needed\n${noDaemon()}`,
    });
  });

  it('first waits until the revision is accepted, be it overtaken since', async () => {
    await memory.write({ statuses: [stalled('acme')], accepted: [accepted(COMMIT)] });
    const early = await memory.flotilla('wait', 'acme', '--revision', NEXT_COMMIT, '--timeout', '0s');
    expect(early).toMatchObject({
      code: 1,
      stderr: `error: acme is not Ready: the daemon has not accepted revision deadbeef0000: in force is c0ffee000000\n${noDaemon()}`,
    });
    const { code } = memory.start('wait', 'acme', '--revision', NEXT_COMMIT.slice(0, 7), '--timeout', '10m');
    await memory.write({ statuses: [status('acme')], accepted: [accepted(NEXT_COMMIT)] });
    expect(await code).toBe(0);
    expect(await memory.flotilla('wait', 'acme', '--revision', COMMIT)).toMatchObject({ code: 0 });
  });

  it('ends with Ctrl-C', async () => {
    await memory.write({ statuses: [working('acme'), status('beta')] });
    const { io, code } = memory.start('wait', 'acme', 'beta');
    await vi.waitFor(() => expect(io.stdout()).toContain('beta'), 60_000);
    process.emit('SIGINT');
    expect(await code).toBe(130);
  });

  it.each([
    [['--for', 'Redy'], 'It must be Ready, Reconciling'],
    [['--timeout', '5'], 'It must be a duration'],
    [['--timeout', '25h'], 'It must be a duration'],
    [['--revision', 'main'], 'It must be a commit'],
  ])('refuses %s', async (words, complaint) => {
    expect(await memory.flotilla('wait', 'acme', ...words)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(complaint),
    });
  });
});

const typeArbitrary = fc.constantFrom('Ready', 'Reconciling', 'Stalled', 'Drifted');
const conditionsArbitrary = fc
  .uniqueArray(fc.tuple(typeArbitrary, fc.constantFrom('True', 'False', 'Unknown')), { selector: ([type]) => type })
  .map((pairs) => pairs.map(([type, is]) => condition(type as 'Ready', is as 'True', 'Some')));

describe('the judgement of one instance, whatever its conditions', () => {
  it('never holds a condition both True and False, and hopes unless it is Stalled', () => {
    fc.assert(
      fc.property(conditionsArbitrary, typeArbitrary, (conditions, type) => {
        const of = (wanted: string) => judge(status('acme', { conditions }), parseWaitTarget(`${type}=${wanted}`)!);
        const [yes, no] = [of('True').outcome, of('False').outcome];
        const is = conditions.find((each) => each.type === type)?.status ?? (type === 'Ready' ? 'Unknown' : 'False');
        expect(no === 'met').toBe(is === 'False');
        const isStalled = conditions.some((each) => each.type === 'Stalled' && each.status === 'True');
        const isHopeless = type === 'Ready' && isStalled;
        expect(yes === 'hopeless').toBe(isHopeless);
        expect(yes === 'met').toBe(is === 'True' && !isHopeless);
        expect(no).not.toBe('hopeless');
      }),
    );
  });

  it.each(['', '=', 'Ready=', 'Ready=Maybe', 'Ready=True=True', 'Steady'])('is not asked for with "%s"', (text) => {
    expect(parseWaitTarget(text)).toBeUndefined();
  });
});
