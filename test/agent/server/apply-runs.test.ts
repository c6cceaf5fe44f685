import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { createApplyRuns } from '../../../src/agent/server/apply-runs.js';
import type { ApplyRequest, ApplyResult, TenantDriver } from '../../../src/agent-client/tenant-driver.js';
import { FlotillaError } from '../../../src/errors.js';
import { openRaw } from '../../support/raw-http.js';
import { applyBody } from './bodies.js';
import { type Served, serve, stubDriver } from './serve.js';

const RESULT: ApplyResult = { generation: 3, phases: [], recreated: ['web'], restarted: [] };
const log = { info: () => undefined, error: () => undefined };
let served: Served | undefined;
afterEach(async () => {
  await served?.stop();
  served = undefined;
});

const logLines = (): Record<string, unknown>[] =>
  (served as Served)
    .logged()
    .split('\n')
    .filter((line) => line.includes('"msg":"apply '))
    .map((line) => JSON.parse(line) as Record<string, unknown>);

async function serveApply(apply: TenantDriver['apply']): Promise<Served> {
  served = await serve({ driver: stubDriver({ apply }) });
  return served;
}

describe('an apply at the agent', () => {
  it('is logged once when it starts and once when it has ended, with the id of its reconcile', async () => {
    const { asker } = await serveApply(async () => RESULT);
    const body = applyBody('acme');
    await asker.ask({
      method: 'POST',
      path: '/v1/instance/acme/apply',
      headers: { 'content-type': 'application/json', 'x-request-id': 'reconcile-7' },
      body: JSON.stringify(body),
    });
    const about = { level: 'info', reconcileId: 'reconcile-7', slug: 'acme', applyId: body.applyId };
    expect(logLines().map((line) => ({ ...line, level: line.level === 30 ? 'info' : line.level }))).toEqual([
      expect.objectContaining({ ...about, msg: 'apply starts' }),
      expect.objectContaining({ ...about, msg: 'apply ended', generation: 3, durationMs: expect.any(Number) }),
    ]);
  });

  it('leaves its connection good for the next one', async () => {
    const { agent, connect: drive } = await serveApply(async (_, { onProgress } = {}) => {
      onProgress?.({ phase: 'lock' });
      return RESULT;
    });
    let connections = 0;
    agent.app.server.on('secureConnection', () => {
      connections += 1;
    });
    const driver = drive();
    const { plan } = applyBody('acme');
    for (let i = 0; i < 10; i++) {
      const request = { plan, content: { generation: 1 }, reconcileId: 'r' } as unknown as ApplyRequest;
      expect(await driver.apply(request)).toEqual(RESULT);
    }
    await driver.close();
    expect(connections).toBeLessThan(5);
  });

  it('that fails is logged with the code and the phase', async () => {
    const { asker } = await serveApply(async () => {
      throw new FlotillaError('ImageNotFound', 'no such image', { phase: 'pull' });
    });
    const { text } = await asker.post('/v1/instance/acme/apply', applyBody('acme'));
    expect(JSON.parse(text)).toEqual({
      type: 'error',
      error: { code: 'ImageNotFound', message: 'no such image', phase: 'pull' },
    });
    expect(logLines().at(-1)).toMatchObject({ msg: 'apply failed', code: 'ImageNotFound', phase: 'pull' });
  });

  it('that fails in a way that nobody expected tells nothing of it, and leaves the agent serving', async () => {
    const { asker } = await serveApply(() => {
      throw new TypeError('hush');
    });
    const { text } = await asker.post('/v1/instance/acme/apply', applyBody('acme'));
    expect(JSON.parse(text)).toMatchObject({ type: 'error', error: { code: 'Internal' } });
    expect(`${text}${served?.logged()}`).not.toContain('hush');
    expect((await asker.ask({ path: '/healthz' })).status).toBe(200);
  });

  it('is carried out once however often it is asked for with the same id', async () => {
    let applies = 0;
    let finish = () => {};
    const { asker } = await serveApply(async (_, options) => {
      applies += 1;
      options?.onProgress?.({ phase: 'pull' });
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      return RESULT;
    });
    const body = applyBody('acme');
    const answers = [body, body, body].map((one) => asker.post('/v1/instance/acme/apply', one));
    await expect.poll(() => applies).toBe(1);
    finish();
    const texts = (await Promise.all(answers)).map(({ text }) => text);
    expect(texts[0]).toContain('"phase":"pull"');
    expect(new Set(texts).size).toBe(1);
    const later = await asker.ask({ path: `/v1/instance/acme/apply/${body.applyId}` });
    expect(later.text).toBe(texts[0]);
    expect(applies).toBe(1);
  });

  it('is not shown to whoever names another instance', async () => {
    const { asker } = await serveApply(async () => RESULT);
    const body = applyBody('acme');
    await asker.post('/v1/instance/acme/apply', body);
    const other = applyBody('other', undefined, {}, body.applyId);
    expect(await asker.post('/v1/instance/other/apply', other)).toMatchObject({
      status: 400,
      error: { code: 'RequestInvalid', message: 'that apply is one of another instance' },
    });
    for (const [method, more] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/supersede'],
    ])
      expect(
        await asker.ask({ method: method as string, path: `/v1/instance/other/apply/${body.applyId}${more}` }),
      ).toMatchObject({ status: 404, error: { code: 'ApplyNotFound' } });
  });

  it('hears of newer desired state, and is not cancelled by it', async () => {
    let waits = false;
    const { asker } = await serveApply(async (_, options) => {
      await new Promise<void>((resolve) => {
        options?.supersede?.addEventListener('abort', () => resolve(), { once: true });
        waits = true;
      });
      throw new FlotillaError('Superseded', `cancelled: ${options?.signal?.aborted}`, { phase: 'verify' });
    });
    const body = applyBody('acme');
    const applied = asker.post('/v1/instance/acme/apply', body);
    await expect.poll(() => waits, { timeout: 60_000 }).toBe(true);
    const path = `/v1/instance/acme/apply/${body.applyId}/supersede`;
    expect(await asker.ask({ method: 'POST', path })).toMatchObject({ status: 202 });
    expect(JSON.parse((await applied).text)).toEqual({
      type: 'error',
      error: { code: 'Superseded', message: 'cancelled: false', phase: 'verify' },
    });
    // It has ended: there is nothing to tell it any more, which is no mistake of the asker's.
    expect(await asker.ask({ method: 'POST', path })).toMatchObject({ status: 202 });
  });

  it('is finished before an agent stops, which takes no other one meanwhile', async () => {
    let finish = () => {};
    let cancelled = false;
    const { asker, agent } = await serveApply(async (_, options) => {
      options?.signal?.addEventListener('abort', () => {
        cancelled = true;
      });
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      return RESULT;
    });
    expect((await asker.ask({ path: '/healthz' })).status).toBe(200);
    const answer = asker.post('/v1/instance/acme/apply', applyBody('acme'));
    await expect.poll(() => logLines().length).toBe(1);
    const closed = agent.close();
    await expect.poll(() => cancelled).toBe(true);
    finish();
    expect((await answer).text).toContain('"type":"result"');
    await closed;
  });
});

describe('an agent', () => {
  it('stops although somebody says nothing, or reads for ever', async () => {
    const { agent, caller, url } = await serveApply(async () => RESULT);
    const { port } = new URL(url);
    const silent = connect({ host: '127.0.0.1', port: Number(port) });
    silent.on('error', () => undefined);
    const greeted = await openRaw(caller);
    const unread = await openRaw(caller);
    unread.pause();
    unread.write('GET /v1/events HTTP/1.1\r\nhost: a\r\n\r\n');
    greeted.write('GET /healthz HTTP/1.1\r\n');
    await sleep(50);
    await agent.close();
    for (const socket of [silent, greeted, unread]) socket.destroy();
  });
});

describe('the outcomes that an agent keeps', () => {
  const ended = async (runs: ReturnType<typeof createApplyRuns>, slug: string) => {
    const id = randomUUID();
    const run = runs.start({ id, slug, log }, async () => RESULT);
    while (run.lines.length === 0) await run.changed();
    return id;
  };

  it('are forgotten after a quarter of an hour', async () => {
    let now = 0;
    const runs = createApplyRuns(() => now);
    const id = await ended(runs, 'acme');
    now += 15 * 60_000;
    await ended(runs, 'other');
    expect(runs.find(id, 'acme').lines).toHaveLength(1);
    now += 1;
    await ended(runs, 'other');
    expect(() => runs.find(id, 'acme')).toThrow(expect.objectContaining({ code: 'ApplyNotFound' }));
  });

  it('are no more than a few hundred', async () => {
    const runs = createApplyRuns();
    const ids: string[] = [];
    for (let i = 0; i < 300; i++) ids.push(await ended(runs, 'acme'));
    const known = ids.filter((id) => {
      try {
        return runs.find(id, 'acme');
      } catch {
        return false;
      }
    });
    expect(known).toEqual(ids.slice(-200));
  });
});
