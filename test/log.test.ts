import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FlotillaError } from '../src/errors.js';
import { createLogger } from '../src/log.js';

const CANARY = 'canary-5f1c';
let directory: string;
let destination: number;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'flotilla-log-'));
  destination = openSync(join(directory, 'log'), 'w');
});
afterEach(() => {
  closeSync(destination);
  rmSync(directory, { recursive: true });
});
const written = () => readFileSync(join(directory, 'log'), 'utf8');

describe.each([false, true])('logs (pretty: %s)', (pretty) => {
  it('never hold content, values, or what a foreign error says', async () => {
    const log = await createLogger({ level: 'debug', pretty, destination });
    log.info(
      { slug: 'acme', content: CANARY, file: { content: CANARY, path: 'a' }, a: { b: { env: CANARY } } },
      'file written',
    );
    log.warn({ err: new Error(`compose said ${CANARY}`) }, 'apply failed');
    log.error(
      { err: new FlotillaError('UpFailed', 'up failed', { cause: new Error(CANARY), phase: 'up' }) },
      'apply failed',
    );
    expect(written()).not.toContain(CANARY);
    for (const word of ['file written', 'acme', 'UpFailed', 'apply failed']) expect(written()).toContain(word);
  });

  it('leave out what is below their level', async () => {
    const log = await createLogger({ level: 'warn', pretty, destination });
    log.info('not this');
    log.warn('but this');
    expect(written()).not.toContain('not this');
    expect(written()).toContain('but this');
  });
});
