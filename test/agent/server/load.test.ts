import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadIdentity } from '../../../src/pki/identity.js';
import type { AgentTask } from '../../support/agent-child.js';
import { makePki } from '../../support/pki.js';
import { type Answer, type Asker, createAsker } from '../../support/raw-http.js';
import { inspectBody, observeBody, refBody } from './bodies.js';

/** An agent in a process of its own, asked far more than it can do at once. */
const MiB = 1024 * 1024;
/** Generous: Node with the agent loaded holds about 130 MiB, and each of twelve bodies at work some times its size. */
const MOST_RSS = 700 * MiB;
let directory: string;
let child: ChildProcess;
let asker: Asker;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'flotilla-load-'));
  const root = join(directory, 'root');
  mkdirSync(join(root, 'acme'), { recursive: true });
  writeFileSync(join(root, 'acme/app.conf'), 'old\n');
  const pki = await makePki(join(directory, 'pki'), { agents: [{ name: 'one' }] });
  const task = join(directory, 'task.json');
  const { agents, controllers } = pki;
  writeFileSync(task, JSON.stringify({ root, pki: { agents, controllers } } satisfies AgentTask));
  child = fork(join(import.meta.dirname, '../../support/agent-child.ts'), [task], { execArgv: ['--import', 'tsx'] });
  const { url } = await heard<{ url: string }>();
  const controller = loadIdentity(pki.controllers.controller!);
  asker = createAsker({ url, identity: controller, ca: controller.ca }, 300);
});
afterAll(async () => {
  asker.close();
  child.kill();
  await once(child, 'exit');
  rmSync(directory, { recursive: true, maxRetries: 10, retryDelay: 50 });
});

async function heard<T>(): Promise<T> {
  const [message] = (await once(child, 'message')) as [T];
  return message;
}

async function memory(): Promise<number> {
  const said = heard<{ rss: number }>();
  child.send('how much?');
  return (await said).rss;
}

function expectAnswered(answers: readonly Answer[]): void {
  for (const { status, error, text } of answers)
    expect(status === 200 || (status === 503 && error?.code === 'HostBusy'), text.slice(0, 200)).toBe(true);
  expect(answers.some(({ status }) => status === 200)).toBe(true);
}

describe('an agent that is asked a thousand things at once', () => {
  it('answers each or says that it is busy, in bounded memory', async () => {
    const asks = [
      () => asker.ask({ path: '/healthz' }),
      () => asker.post('/v1/observe', observeBody('acme')),
      () => asker.post('/v1/instance/acme/files/diff', inspectBody('acme')),
      () => asker.post('/v1/instance/acme/generations', refBody('acme')),
    ];
    const answers = await Promise.all(Array.from({ length: 1000 }, (_, i) => asks[i % asks.length]!()));
    expectAnswered(answers);
    expect(await memory()).toBeLessThan(MOST_RSS);
  });

  it('reads large bodies a few at a time, in bounded memory', async () => {
    const files = { 'app.conf': 'x'.repeat(4 * MiB), 'docker-compose.yml': 'services: {}\n' };
    const body = JSON.stringify(inspectBody('acme', files));
    const headers = { 'content-type': 'application/json' };
    const path = '/v1/instance/acme/files/diff';
    let most = 0;
    const answers = Array.from({ length: 30 }, () => asker.ask({ method: 'POST', path, headers, body }));
    for (let done = false; !done; most = Math.max(most, await memory()))
      done = await Promise.race([
        Promise.all(answers).then(() => true),
        new Promise<false>((r) => setTimeout(r, 50, false)),
      ]);
    expectAnswered(await Promise.all(answers));
    expect(most).toBeLessThan(MOST_RSS);
  });

  it('refuses what would unfold in memory, in bounded memory', async () => {
    const headers = { 'content-type': 'application/json' };
    const path = '/v1/instance/acme/files/diff';
    const bodies = [
      '['.repeat(15 * MiB),
      `[${'{},'.repeat(5 * MiB)}{}]`,
      `{"contents":{${'"":"",'.repeat(2 * MiB)}"":""}}`,
    ];
    const answers = await Promise.all(
      bodies.flatMap((body) => [body, body]).map((body) => asker.ask({ method: 'POST', path, headers, body })),
    );
    for (const answer of answers) expect(answer).toMatchObject({ status: 413, error: { code: 'RequestTooLarge' } });
    expect(await memory()).toBeLessThan(MOST_RSS);
  });
});
