import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createProgress } from '../../src/cli/progress.js';
import type { ReconcileEvent } from '../../src/controller/report.js';
import { plainPaint } from '../../src/plan/format-text.js';
import { memoryIo } from '../support/memory-io.js';
import { item } from '../support/report-fixtures.js';

const upgrade: ReconcileEvent[] = [
  { type: 'started', slug: 'acme' },
  { type: 'started', slug: 'beta' },
  { type: 'phase', slug: 'acme', phase: 'plan' },
  { type: 'phase', slug: 'acme', phase: 'pull' },
  { type: 'phase', slug: 'acme', phase: 'pull', service: 'api', message: '10%' },
  { type: 'phase', slug: 'acme', phase: 'pull', service: 'api', message: '90%' },
  { type: 'phase', slug: 'acme', phase: 'up' },
  { type: 'finished', slug: 'beta', item: item('beta') },
  { type: 'finished', slug: 'acme', item: item('acme', { result: 'converged' }) },
];

function progress(options: { tty?: boolean; quiet?: boolean } = {}) {
  const io = memoryIo(options);
  return { io, shown: createProgress({ io, errPaint: plainPaint, quiet: options.quiet ?? false }) };
}

describe('progress where lines cannot be taken back', () => {
  it('is a plain line for each phase and outcome, not for each service or percent', () => {
    const { io, shown } = progress();
    for (const event of upgrade) shown.onEvent(event);
    shown.end();
    expect(io.stderr()).toBe('acme: pull\nacme: up\nacme: converged\n');
    expect(io.stdout()).toBe('');
  });

  it('is nothing with --quiet, but interrupts are still said', () => {
    const { io, shown } = progress({ quiet: true });
    for (const event of upgrade) shown.onEvent(event);
    shown.say('interrupted');
    expect(io.stderr()).toBe('interrupted\n');
  });

  it('knows which instances are being applied', () => {
    const { shown } = progress();
    for (const event of upgrade.slice(0, 5)) shown.onEvent(event);
    expect(shown.active()).toEqual(['acme']);
    shown.onEvent({ type: 'finished', slug: 'acme', item: item('acme') });
    expect(shown.active()).toEqual([]);
  });
});

describe('progress on a terminal', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('keeps a live line for each instance at work, and leaves only outcomes behind', () => {
    const { io, shown } = progress({ tty: true });
    for (const event of upgrade.slice(0, 7)) shown.onEvent(event);
    vi.advanceTimersByTime(100);
    expect(io.stderr()).toBe('acme  up\n0 of 2 done\n');
    for (const event of upgrade.slice(7)) shown.onEvent(event);
    shown.end();
    expect(io.stderr()).toBe(
      'acme  up\n0 of 2 done\n\u001b[2A\u001b[0Jacme: converged\n2 of 2 done\n\u001b[1A\u001b[0J',
    );
  });
});
