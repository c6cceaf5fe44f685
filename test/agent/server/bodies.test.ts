import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROUTES } from '../../../src/wire/messages.js';
import { type Answer, openRaw, readAll, sendRaw } from '../../support/raw-http.js';
import { applyBody, base64, inspectBody, observeBody, refBody } from './bodies.js';
import { type Served, serve } from './serve.js';

/** What an agent does with bodies that nobody should send: a typed error, and on with its work. */
let served: Served;
beforeAll(async () => {
  served = await serve({ limits: { requestTimeoutMs: 400 } });
  mkdirSync(join(served.root, 'acme'));
});
afterAll(() => served.stop());

const DIFF = '/v1/instance/acme/files/diff';
const APPLY = '/v1/instance/acme/apply';
const JSON_TYPE = { 'content-type': 'application/json' };
const MiB = 1024 * 1024;

async function expectRefused(answer: Answer, status: number, code: string, message?: RegExp): Promise<void> {
  expect(answer).toMatchObject({ status, error: { code } });
  if (message) expect(answer.error?.message).toMatch(message);
  expect((await served.asker.ask({ path: '/healthz' })).status).toBe(200);
}

/** Gives the answer even where the agent closes the connection on what is still being sent. */
function sendUnfinished(path: string, headers: string, body: string | Buffer): Promise<Answer> {
  const head = `POST ${path} HTTP/1.1\r\nhost: a\r\n${headers}\r\n\r\n`;
  return sendRaw(served.caller, Buffer.concat([Buffer.from(head), Buffer.from(body)]));
}

describe('a body that is too much', () => {
  it('is refused before it is read, where it says so', async () => {
    for (const [path, limit] of [
      [ROUTES.observe.path, ROUTES.observe.bodyLimit],
      [DIFF, ROUTES.inspect.bodyLimit],
      [APPLY, ROUTES.apply.bodyLimit],
      ['/v1/instance/acme/generations', ROUTES.generations.bodyLimit],
      ['/v1/instance/acme/rollback', ROUTES.rollback.bodyLimit],
    ] as const) {
      const headers = `content-type: application/json\r\ncontent-length: ${limit + 1}`;
      await expectRefused(await sendUnfinished(path, headers, '{'), 413, 'RequestTooLarge');
    }
  });

  it('is refused as soon as there is more of it than that, where it does not', async () => {
    const chunk = `${(256 * 1024).toString(16)}\r\n${' '.repeat(256 * 1024)}\r\n`;
    const headers = 'content-type: application/json\r\ntransfer-encoding: chunked';
    const path = '/v1/instance/acme/generations';
    await expectRefused(await sendUnfinished(path, headers, chunk.repeat(5)), 413, 'RequestTooLarge');
  });

  it('is refused by routes that take none', async () => {
    const path = `/v1/instance/acme/apply/${'0'.repeat(8)}-0000-0000-0000-${'0'.repeat(12)}`;
    const answer = await served.asker.ask({ method: 'DELETE', path, headers: JSON_TYPE, body: ' '.repeat(4096) });
    await expectRefused(answer, 413, 'RequestTooLarge');
  });

  it('is refused when it is nested deeply, at the cost of its bytes', async () => {
    for (const body of ['['.repeat(8 * MiB), `{"a":`.repeat(MiB), `${'['.repeat(33)}${']'.repeat(33)}`]) {
      const answer = await served.asker.ask({ method: 'POST', path: DIFF, headers: JSON_TYPE, body });
      await expectRefused(answer, 413, 'RequestTooLarge', /nested/);
    }
  });

  it('is refused when it holds more values than any request', async () => {
    const body = `[${'{},'.repeat(2 * MiB)}{}]`;
    const answer = await served.asker.ask({ method: 'POST', path: DIFF, headers: JSON_TYPE, body });
    await expectRefused(answer, 413, 'RequestTooLarge', /values/);
  });

  it('is refused when it lists too many files, instances or paths', async () => {
    const many = Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`f${i}`, '']));
    const { requests } = observeBody('acme');
    for (const [path, body] of [
      [DIFF, inspectBody('acme', many)],
      [APPLY, applyBody('acme', many)],
      [ROUTES.observe.path, { containers: false, requests: Array.from({ length: 1001 }, () => requests[0]) }],
      [ROUTES.observe.path, observeBody('acme', Object.keys(many))],
    ] as const) {
      await expectRefused(await served.asker.post(path, body), 400, 'RequestInvalid', /more than 1000/);
    }
  });
});

describe('a body that does not come', () => {
  it('whole leaves nothing behind when its sender goes', async () => {
    for (let i = 0; i < 5; i++) {
      const socket = await openRaw(served.caller);
      socket.write(
        `POST ${DIFF} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{"te`,
      );
      socket.destroy();
    }
    expect((await served.asker.ask({ path: '/healthz' })).status).toBe(200);
    expect(served.logged()).not.toContain('unexpected error');
  });

  it('in time ends its connection, and so do headers', async () => {
    const post = (path: string, more: string) =>
      `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n${more}`;
    const unfinished: [bytes: string, drip: string][] = [
      ['', ''],
      ['GET /healthz HTTP/1.1\r\nhost: a', 'a'],
      [post(DIFF, 'content-length: 1000\r\n\r\n{'), ' '],
      [post(APPLY, 'transfer-encoding: chunked\r\n\r\n1\r\n{\r\n'), '1\r\n \r\n'],
    ];
    const texts = await Promise.all(
      unfinished.map(async ([bytes, drip]) => {
        const socket = await openRaw(served.caller);
        const text = readAll(socket);
        socket.write(bytes);
        const dripping = setInterval(() => socket.write(drip), 50);
        try {
          return await text;
        } finally {
          clearInterval(dripping);
        }
      }),
    );
    for (const text of texts.slice(1)) {
      expect(text).toContain('HTTP/1.1 408 ');
      expect(text).toContain('"code":"RequestInvalid"');
    }
    expect((await served.asker.ask({ path: '/healthz' })).status).toBe(200);
  });
});

describe('a body that is not what it should be', () => {
  it('is refused unless it is JSON, and says so', async () => {
    const texts = ['', '{', 'null x', "{'a':1}", '\uFEFF{', '<a/>', '{"a":NaN}', Buffer.from([0xff, 0xfe, 0x00])];
    for (const body of texts) {
      const answer = await served.asker.ask({ method: 'POST', path: DIFF, headers: JSON_TYPE, body });
      await expectRefused(answer, 400, 'RequestInvalid', /not JSON/);
    }
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'x',
      'application/jsonx',
    ]) {
      const body = JSON.stringify(inspectBody('acme'));
      const answer = await served.asker.ask({ method: 'POST', path: DIFF, headers: { 'content-type': type }, body });
      await expectRefused(answer, 400, 'RequestInvalid');
    }
  });

  it('is refused in any other shape, saying where', async () => {
    const good = inspectBody('acme');
    for (const [body, message] of [
      [null, /the body must be object/],
      [[], /the body must be object/],
      ['x', /the body must be object/],
      [{}, /the body must have required property 'tenant'/],
      [{ ...good, extra: 1 }, /the body must NOT have additional properties/],
      [{ ...good, containers: 'false' }, /containers must be boolean/],
      [{ ...good, tenant: { ...good.tenant, slug: 7 } }, /tenant.slug must be string/],
      [{ ...good, tenant: { ...good.tenant, driftPolicy: 'Explode' } }, /tenant.driftPolicy must be equal to one of/],
      [{ ...good, tenant: { ...good.tenant, digest: 'sha256:' } }, /tenant.digest must match pattern/],
      [
        { ...good, contents: { 'app.conf': 'not base64!' } },
        /^the request is not as it should be: contents must match/,
      ],
    ] as const) {
      await expectRefused(await served.asker.post(DIFF, body), 400, 'RequestInvalid', message);
    }
    const plan = applyBody('acme');
    for (const [body, message] of [
      [{ ...plan, generation: 1 }, /must match exactly one schema in oneOf/],
      [{ ...plan, applyId: '../x' }, /applyId must match format/],
      [
        { ...plan, plan: { ...plan.plan, operations: [{ kind: 'run', command: 'id', cause: 'x' }] } },
        /plan.operations.0/,
      ],
    ] as const) {
      await expectRefused(await served.asker.post(APPLY, body), 400, 'RequestInvalid', message);
    }
  });

  it('cannot reach the prototypes of what is made of it', async () => {
    const ref = JSON.stringify(refBody('acme')).slice(1);
    const path = '/v1/instance/acme/generations';
    for (const start of [
      '{"__proto__":{"slug":"x"},',
      '{"constructor":{"prototype":{"slug":"x"}},',
      '{"\\u005f_proto__":{"a":1},',
    ]) {
      const answer = await served.asker.ask({ method: 'POST', path, headers: JSON_TYPE, body: start + ref });
      await expectRefused(answer, 400, 'RequestInvalid');
    }
    const { contents, ...rest } = inspectBody('acme');
    const text = JSON.stringify(rest).slice(0, -1);
    const body = `${text},"contents":{"__proto__":"AAAA",${JSON.stringify(contents).slice(1)}}`;
    const answer = await served.asker.ask({ method: 'POST', path: DIFF, headers: JSON_TYPE, body });
    await expectRefused(answer, 400, 'RequestInvalid');
    expect(({} as { slug?: string }).slug).toBeUndefined();
  });

  it('is taken by its last value where a key comes twice, which is then the one that is checked', async () => {
    const ask = (body: string) =>
      served.asker.ask({ method: 'POST', path: '/v1/instance/acme/generations', headers: JSON_TYPE, body });
    const twice = (first: string, last: string) =>
      `{"slug":"acme","project":"acme","directory":${JSON.stringify(first)},"directory":${JSON.stringify(last)}}`;
    expect(await ask(twice('../x', 'acme'))).toMatchObject({ status: 200, text: '[]' });
    await expectRefused(await ask(twice('acme', '../x')), 400, 'RequestInvalid', /directory must match/);
  });

  it('is refused when contents are not those of the files', async () => {
    const wrong = 'has a content other than its size and sha256 say';
    for (const make of [inspectBody, applyBody]) {
      const path = make === inspectBody ? DIFF : APPLY;
      const good = make('acme', { 'app.conf': 'new\n' });
      for (const [contents, message] of [
        [{ 'app.conf': base64('odd\n') }, `file 1 of the file set ${wrong}`],
        [{ 'app.conf': base64('new\n\n') }, `file 1 of the file set ${wrong}`],
        [{}, 'file 1 of the file set has no content, or is listed twice'],
        [{ 'app.conf': base64('new\n'), other: '' }, 'there is a content of a file that is not in the file set'],
      ] as const) {
        const answer = await served.asker.post(path, { ...good, contents });
        await expectRefused(answer, 400, 'RequestInvalid');
        expect(answer.error?.message).toBe(message);
      }
    }
  });
});

describe('an answer', () => {
  it('is small for a file of 50 MiB on the host', async () => {
    const big = Buffer.alloc(50 * MiB, 'line of a log\n');
    writeFileSync(join(served.root, 'acme/big.log'), big);
    const answer = await served.asker.post(
      DIFF,
      inspectBody('acme', { 'big.log': 'new\n', 'docker-compose.yml': 'services: {}\n' }),
    );
    expect(answer.status).toBe(200);
    expect(answer.text.length).toBeLessThan(4096);
    expect(answer.text).toContain('too large to show: 52428800 bytes -> 4 bytes');
    const observed = await served.asker.post(ROUTES.observe.path, observeBody('acme', ['big.log']));
    expect(observed.text).toContain(createHash('sha256').update(big).digest('hex'));
  });

  it('that has begun is not mixed with another', async () => {
    const socket = await openRaw(served.caller);
    const text = readAll(socket);
    socket.write(`GET /v1/events HTTP/1.1\r\nhost: a\r\n\r\n`);
    await new Promise((resolve) => socket.once('data', resolve));
    socket.write('this is not HTTP\r\n\r\n');
    expect(await text).not.toContain('HTTP/1.1 400');
    expect((await served.asker.ask({ path: '/healthz' })).status).toBe(200);
  });

  it('to what is not HTTP is a typed error', async () => {
    for (const [bytes, status] of [
      ['this is not HTTP\r\n\r\n', 400],
      [`GET /healthz HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, 431],
      ['GET /healthz HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n', 400],
      ['GET /healthz HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n', 400],
    ] as const) {
      await expectRefused(await sendRaw(served.caller, bytes), status, 'RequestInvalid');
    }
  });
});
