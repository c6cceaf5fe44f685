import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, sendRaw } from '../../support/raw-http.js';
import { applyBody, base64, inspectBody, refBody } from './bodies.js';
import { type Served, serve } from './serve.js';

const CANARY = 'c4naryc4nary';
let served: Served;
beforeAll(async () => {
  served = await serve();
  mkdirSync(join(served.root, 'acme'));
  writeFileSync(join(served.root, 'acme/.env'), `TOKEN=${CANARY}\n`);
});
afterAll(() => served.stop());

/** Nothing of what a stranger sends comes back, nor does it get into the log. */
describe('what was sent', () => {
  it('is in no answer and in no line of the log', async () => {
    const { ask, post } = served.asker;
    const answers: Answer[] = [];
    const take = async (answer: Promise<Answer>) => answers.push(await answer);
    const headers = { 'content-type': 'application/json' };
    const diff = '/v1/instance/acme/files/diff';
    const inspect = inspectBody('acme');
    const plan = applyBody('acme');
    for (const path of [
      `/${CANARY}`,
      `/v1/instance/${CANARY}/x`,
      `/healthz?${CANARY}=1`,
      `/%${CANARY}`,
      `/v1/${CANARY}%zz`,
    ])
      await take(ask({ path }));
    await take(ask({ path: '/healthz', headers: { 'x-request-id': `${CANARY} $`, cookie: CANARY, [CANARY]: CANARY } }));
    for (const body of [CANARY, `{"${CANARY}":1}`, `{"a":"${CANARY}`, `["${CANARY}"]`, `{"__proto__":"${CANARY}"}`])
      await take(ask({ method: 'POST', path: diff, headers, body }));
    await take(ask({ method: 'POST', path: diff, headers: { 'content-type': `text/${CANARY}` }, body: CANARY }));
    for (const body of [
      { ...inspect, [CANARY]: 1 },
      { ...inspect, containers: CANARY },
      { ...inspect, tenant: { ...inspect.tenant, host: `${CANARY}!` } },
      { ...inspect, contents: { ...inspect.contents, [CANARY]: '!' } },
      { ...inspect, contents: { ...inspect.contents, [`a/${CANARY}`]: base64(CANARY) } },
      { ...inspect, contents: { ...inspect.contents, 'app.conf': base64(CANARY) } },
    ])
      await take(post(diff, body));
    for (const body of [
      { ...plan, applyId: CANARY },
      { ...plan, contents: { 'app.conf': base64(CANARY) } },
      { ...plan, plan: { ...plan.plan, operations: [{ kind: CANARY }] } },
      { ...plan, plan: { ...plan.plan, project: `../${CANARY}` } },
    ])
      await take(post('/v1/instance/acme/apply', body));
    await take(post('/v1/instance/acme/generations', { ...refBody('acme'), directory: `../${CANARY}` }));
    await take(sendRaw(served.caller, `${CANARY}\r\n\r\n`));
    await take(sendRaw(served.caller, `GET /${CANARY} HTTP/1.1\r\n${CANARY}\r\n\r\n`));
    const seen = [...answers.map(({ text }) => text), served.logged()].join('\n');
    expect(answers.every(({ status }) => status >= 200 && status < 500)).toBe(true);
    expect(seen).not.toContain(CANARY);
    expect(seen).not.toContain(base64(CANARY).slice(0, 12));
  });

  it('of files is applied, and told by name alone', async () => {
    const files = { 'app.conf': `${CANARY}\n`, 'docker-compose.yml': `services: {} # ${CANARY}\n` };
    const answer = await served.asker.post('/v1/instance/acme/apply', applyBody('acme', files));
    expect(answer.text).toContain('"type":"result"');
    expect(answer.text).not.toContain(CANARY);
    const log = served.logged();
    expect(log).toContain('apply starts');
    expect(log).toContain('apply ended');
    expect(log).not.toContain(CANARY);
  });
});
