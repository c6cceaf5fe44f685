import { getEventListeners } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FlotillaError } from '../../src/errors.js';
import { stubDriver } from '../agent/server/serve.js';
import { makePki } from '../support/pki.js';
import { observedTenant } from '../support/plan-fixtures.js';
import { startAgent, type TestAgent } from '../support/remote.js';

const REQUEST = { slug: 'acme', project: 'acme', directory: 'acme', paths: [] };
const OBSERVED = observedTenant({});
let directory: string;
let agent: TestAgent;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'flotilla-driver-'));
  const pki = await makePki(join(directory, 'pki'), { agents: [{ name: 'one' }] });
  const driver = stubDriver({
    observe: async (requests) => requests.map(() => OBSERVED),
    generations: () => Promise.reject(new FlotillaError('RecordUnreadable', 'no')),
  });
  agent = await startAgent(directory, { pki, driver });
});
afterAll(async () => {
  await agent.close();
  rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
});

it('leaves nothing in a signal that outlives its questions, those that fail, and those that are cancelled', async () => {
  const driver = agent.connect();
  const { signal } = new AbortController();
  for (let i = 0; i < 20; i++) {
    expect(await driver.observe([REQUEST], { signal })).toEqual([OBSERVED]);
    await expect(driver.generations(REQUEST, { signal })).rejects.toMatchObject({ code: 'RecordUnreadable' });
  }
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  const cancelled = new AbortController();
  const asked = driver.observe([REQUEST], { signal: cancelled.signal });
  cancelled.abort();
  await expect(asked).rejects.toMatchObject({ code: 'Cancelled' });
  await driver.close();
});

it('leaves nothing in a signal that outlives its streams of events', async () => {
  const driver = agent.connect();
  const { signal } = new AbortController();
  for (let i = 0; i < 5; i++) {
    for await (const event of driver.events({ signal })) {
      expect(event).toEqual({ type: 'resync' });
      break;
    }
  }
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  await driver.close();
});
