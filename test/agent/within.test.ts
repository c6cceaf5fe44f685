import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { linkSignals } from '../../src/agent/engine/link-signals.js';
import { within } from '../../src/agent/engine/within.js';

const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    if (signal.aborted) reject(signal.reason as Error);
  });
}

describe('a call with a time-out', () => {
  it('gives what it came to', async () => {
    expect(await within(60_000, undefined, async (signal) => (signal.aborted ? 'late' : 'in time'))).toBe('in time');
  });

  it('is aborted when its time is up, and its caller is not', async () => {
    const outer = new AbortController();
    await expect(within(1, outer.signal, untilAborted)).rejects.toMatchObject({ name: 'TimeoutError' });
    expect(outer.signal.aborted).toBe(false);
  });

  it('is aborted with its caller, for the same reason', async () => {
    const outer = new AbortController();
    const reason = new Error('no longer wanted');
    const call = within(60_000, outer.signal, untilAborted);
    outer.abort(reason);
    await expect(call).rejects.toBe(reason);
    await expect(within(60_000, outer.signal, untilAborted)).rejects.toBe(reason);
  });

  it('leaves nothing in a signal that lives on, however it ended', async () => {
    const outer = new AbortController();
    const ends = [
      async () => 'well',
      async () => Promise.reject(new Error('badly')),
      () => {
        throw new Error('at once');
      },
    ];
    for (let i = 0; i < 300; i++) {
      await within(60_000, outer.signal, ends[i % ends.length] as () => Promise<string>).catch(() => undefined);
    }
    await within(1, outer.signal, untilAborted).catch(() => undefined);
    expect(listeners(outer.signal)).toBe(0);
  });
});

describe('a linked signal', () => {
  it('is aborted with whichever source is first, and with no later one', () => {
    const sources = [new AbortController(), new AbortController()] as const;
    const { signal } = linkSignals([sources[0].signal, undefined, sources[1].signal]);
    expect(signal.aborted).toBe(false);
    sources[1].abort('second');
    sources[0].abort('first');
    expect(signal.reason).toBe('second');
  });

  it('is aborted from the start where a source is', () => {
    expect(linkSignals([AbortSignal.abort('before')]).signal.reason).toBe('before');
  });

  it('has no more to do with its sources once it is unlinked', () => {
    const source = new AbortController();
    const linked = linkSignals([source.signal, source.signal]);
    expect(listeners(source.signal)).toBe(2);
    linked.unlink();
    expect(listeners(source.signal)).toBe(0);
    source.abort();
    expect(linked.signal.aborted).toBe(false);
  });
});
