import { describe, expect, it } from 'vitest';
import { listenForInterrupts } from '../../src/cli/interrupt.js';

describe('Ctrl-C', () => {
  it('first starts nothing new and names what is being finished, then stops at once', () => {
    const said: string[] = [];
    const exits: number[] = [];
    const { signal, dispose } = listenForInterrupts({
      active: () => ['acme', 'beta'],
      say: (line) => said.push(line),
      exit: (code) => exits.push(code),
    });
    process.emit('SIGINT');
    expect(signal.aborted).toBe(true);
    expect(exits).toEqual([]);
    process.emit('SIGINT');
    expect(exits).toEqual([130]);
    expect(said).toEqual([
      'interrupted: no new work is started; finishing acme, beta (once more to stop at once)',
      'interrupted again: stopping at once; the next reconcile completes what is half done',
    ]);
    dispose();
    expect(process.listenerCount('SIGINT')).toBe(0);
  });
});
