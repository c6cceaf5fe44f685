import { connect } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import type { WebhookConfig } from '../../src/config/watch-config.js';
import type { Logger } from '../../src/log.js';
import { type Asked, sign, startApi } from './support.js';

const SECRET = "It's a Secret to Everybody";
const PUSH = JSON.stringify({ ref: 'refs/heads/main', after: 'f00' });

const WEBHOOKS: readonly WebhookConfig[] = (['github', 'gitlab', 'gitea', 'forgejo'] as const).map((provider) => ({
  provider,
  secret: SECRET,
}));
const webhooks = () => WEBHOOKS;

/** A push as each provider sends it. */
const HEADERS: Readonly<Record<string, (body: string, secret: string) => Record<string, string>>> = {
  github: (body, secret) => ({ 'X-Hub-Signature-256': `sha256=${sign(secret, body)}`, 'X-GitHub-Event': 'push' }),
  gitlab: (_, secret) => ({ 'X-Gitlab-Token': secret, 'X-Gitlab-Event': 'Push Hook' }),
  gitea: (body, secret) => ({ 'X-Gitea-Signature': sign(secret, body), 'X-Gitea-Event': 'push' }),
  forgejo: (body, secret) => ({ 'X-Forgejo-Signature': sign(secret, body), 'X-Forgejo-Event': 'push' }),
};

function push(provider: string, { secret = SECRET, body = PUSH } = {}): Required<Pick<Asked, 'headers' | 'body'>> {
  return { headers: { 'content-type': 'application/json', ...HEADERS[provider]?.(body, secret) }, body };
}

describe.each(Object.keys(HEADERS))('a push from %s', (provider) => {
  it('with a good signature is taken', async () => {
    const { ask, pushes } = await startApi({ webhooks });
    const answer = await ask(`/webhooks/${provider}`, push(provider));
    expect([answer.status, answer.text]).toEqual([202, '{"status":"accepted"}']);
    expect(pushes).toEqual([{ provider, ref: 'refs/heads/main' }]);
  });

  it('is refused with a signature that is not good, missing or damaged, without a reason', async () => {
    const { ask, pushes } = await startApi({ webhooks });
    const good = push(provider);
    const [name = ''] = Object.keys(HEADERS[provider]?.('', '') ?? {});
    const signature = good.headers[name] ?? '';
    const headers = (value: string) => ({ ...good.headers, [name]: value });
    const { [name]: _, ...unsigned } = good.headers;
    const attempts: Asked[] = [
      push(provider, { secret: 'another' }),
      { ...good, headers: unsigned },
      { ...good, headers: headers('') },
      { ...good, headers: headers(signature.slice(0, -1)) },
      { ...good, headers: headers(`${signature}0`) },
      { ...good, headers: headers(signature.replace('sha256=', '').replace(/^/, 'sha1=')) },
      ...(provider === 'gitlab' ? [] : [{ ...good, body: `${PUSH} ` }]),
    ];
    for (const attempt of attempts) {
      const { status, text } = await ask(`/webhooks/${provider}`, attempt);
      expect([status, text]).toEqual([
        401,
        '{"code":"SignatureInvalid","message":"the webhook is not signed as it should be"}',
      ]);
    }
    expect(pushes).toEqual([]);
  });

  it('is taken with any of several secrets, as they are now', async () => {
    let secrets = ['old', 'new'];
    const { ask } = await startApi({
      webhooks: () => secrets.map((secret) => ({ provider, secret }) as WebhookConfig),
    });
    const path = `/webhooks/${provider}`;
    expect((await ask(path, push(provider, { secret: 'old' }))).status).toBe(202);
    expect((await ask(path, push(provider, { secret: 'new' }))).status).toBe(202);
    secrets = ['new'];
    expect((await ask(path, push(provider, { secret: 'old' }))).status).toBe(401);
    expect((await ask(path, push(provider, { secret: 'new' }))).status).toBe(202);
  });

  it('is taken a thousand times', async () => {
    const { ask, pushes } = await startApi({ webhooks });
    const statuses = new Set<number>();
    for (let round = 0; round < 20; round++) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => ask(`/webhooks/${provider}`, push(provider))));
      for (const { status } of answers) statuses.add(status);
    }
    expect([...statuses]).toEqual([202]);
    expect(pushes).toHaveLength(1000);
  });
});

describe('a webhook', () => {
  it("is checked as GitHub's own example is signed", async () => {
    const { ask, pushes } = await startApi({ webhooks });
    const signature = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17';
    const headers = { 'x-hub-signature-256': signature, 'x-github-event': 'push', 'content-type': 'text/plain' };
    expect((await ask('/webhooks/github', { headers, body: 'Hello, World!' })).status).toBe(202);
    expect((await ask('/webhooks/github', { headers, body: 'Hello, World' })).status).toBe(401);
    expect(pushes).toEqual([{ provider: 'github', ref: null }]);
  });

  it("of Forgejo may have Gitea's headers", async () => {
    const { ask, pushes } = await startApi({ webhooks });
    expect((await ask('/webhooks/forgejo', push('gitea'))).status).toBe(202);
    expect(pushes).toEqual([{ provider: 'forgejo', ref: 'refs/heads/main' }]);
  });

  it.each([
    ['github', { 'X-GitHub-Event': 'ping' }],
    ['github', { 'X-GitHub-Event': 'issues' }],
    ['github', { 'X-GitHub-Event': '' }],
    ['gitlab', { 'X-Gitlab-Event': 'Issue Hook' }],
    ['gitea', { 'X-Gitea-Event': 'pull_request' }],
    ['forgejo', { 'X-Forgejo-Event': 'create' }],
  ])('of %s with %j moves nothing', async (provider, event) => {
    const { ask, pushes } = await startApi({ webhooks });
    const { headers, body } = push(provider);
    const answer = await ask(`/webhooks/${provider}`, { body, headers: { ...headers, ...event } });
    expect([answer.status, answer.text, pushes]).toEqual([200, '{"status":"ignored"}', []]);
  });

  it('of GitLab for a tag is a push', async () => {
    const { ask, pushes } = await startApi({ webhooks });
    const { headers } = push('gitlab');
    const event = { 'X-Gitlab-Event': 'Tag Push Hook' };
    await ask('/webhooks/gitlab', { headers: { ...headers, ...event }, body: '{"ref":"refs/tags/v1"}' });
    expect(pushes).toEqual([{ provider: 'gitlab', ref: 'refs/tags/v1' }]);
  });

  it.each([
    ['a form', 'application/x-www-form-urlencoded', `payload=${encodeURIComponent(PUSH)}`, 'refs/heads/main'],
    ['no JSON', 'application/json', '{', null],
    ['nothing', 'application/json', '', null],
    ['null', 'application/json', 'null', null],
    ['a ref that is none', 'application/json', '{"ref":["refs/heads/main"]}', null],
    ['a ref with control characters', 'application/json', '{"ref":"refs/heads/a\\u001b[2J"}', null],
    ['bytes that are no text', 'application/octet-stream', '\u0000\ufffd', null],
  ])('is taken with %s as its body', async (_, type, body, ref) => {
    const { ask, pushes } = await startApi({ webhooks });
    const { headers } = push('github', { body });
    const answer = await ask('/webhooks/github', { headers: { ...headers, 'content-type': type }, body });
    expect([answer.status, pushes]).toEqual([202, [{ provider: 'github', ref }]]);
  });

  it('is not known where its provider is not configured, or is none', async () => {
    const { ask } = await startApi({ webhooks: () => [{ provider: 'gitea', secret: SECRET }] });
    for (const name of ['github', 'constructor', '__proto__', '', 'gitea/x', 'GITEA']) {
      const { status, text } = await ask(`/webhooks/${name}`, push('github'));
      expect([name, status]).toEqual([name, 404]);
      expect(JSON.parse(text)).toMatchObject({ code: 'RouteNotFound' });
    }
    expect((await ask('/webhooks/gitea')).status).toBe(404);
  });

  it('of 50 MB is refused while it is read, and the next is served', async () => {
    const { ask, port, pushes } = await startApi({ webhooks });
    const body = Buffer.alloc(50_000_000, 'a');
    const headers = { ...push('github').headers, 'x-hub-signature-256': `sha256=${sign(SECRET, body)}` };
    // The connection may be closed before the client has read why.
    const declared = await ask('/webhooks/github', { headers, body }).then(
      ({ status }) => status,
      (error: NodeJS.ErrnoException) => error.code,
    );
    expect([413, 'ECONNRESET', 'EPIPE']).toContain(declared);

    const taken = await sendChunks(port, headers, body);
    expect(taken.sent).toBeLessThan(body.length);
    expect(pushes).toEqual([]);
    expect((await ask('/webhooks/github', push('github'))).status).toBe(202);
  });

  it('just below 5 MiB is taken, just above is told why', async () => {
    const { ask } = await startApi({ webhooks });
    const limit = 5 * 1024 * 1024;
    expect((await ask('/webhooks/github', push('github', { body: ' '.repeat(limit) }))).status).toBe(202);
    const over = push('github', { body: ' '.repeat(limit + 1) });
    const answer = await ask('/webhooks/github', {
      ...over,
      headers: { ...over.headers, expect: '100-continue' },
    }).then(
      ({ status, text }) => `${status} ${text}`,
      (error: NodeJS.ErrnoException) => error.code,
    );
    const told = '413 {"code":"RequestTooLarge","message":"the request is larger than what is taken"}';
    expect([told, 'ECONNRESET', 'EPIPE']).toContain(answer);
  });

  it('is asked to come again while 64 others are read, and is taken once they have gone', async () => {
    const { ask, port } = await startApi({ webhooks });
    const head = `POST /webhooks/github HTTP/1.1\r\nhost: a\r\nx-hub-signature-256: sha256=${'0'.repeat(64)}\r\ncontent-length: 10\r\n\r\n`;
    const slow = await Promise.all(
      Array.from(
        { length: 64 },
        () =>
          new Promise<ReturnType<typeof connect>>((resolve) => {
            const socket = connect(port, '127.0.0.1', () => socket.write(`${head}12`, () => resolve(socket)));
            socket.on('error', () => undefined);
          }),
      ),
    );
    const status = async () => (await ask('/webhooks/github', push('github'))).status;
    await vi.waitFor(async () => expect(await status()).toBe(429), { timeout: 60_000, interval: 50 });
    expect((await ask('/healthz')).status).toBe(200);
    for (const socket of slow) socket.destroy();
    await vi.waitFor(async () => expect(await status()).toBe(202), { timeout: 60_000, interval: 50 });
  });

  it('tells the daemon, and the log only that some were refused', async () => {
    const lines: unknown[] = [];
    const log = { warn: (...line: unknown[]) => lines.push(line) };
    const { ask } = await startApi({ webhooks, log: loggerOf(log) });
    for (let i = 0; i < 100; i++) await ask('/webhooks/gitlab', push('gitlab', { secret: 'hunter2' }));
    expect(lines).toEqual([[{ refused: { gitlab: 1 } }, 'refused webhooks without a good signature']]);
  });

  it('is answered without what went wrong inside', async () => {
    const onPush = () => {
      throw new Error('hunter2');
    };
    const { ask } = await startApi({ webhooks, onPush, log: loggerOf({}) });
    const { status, text } = await ask('/webhooks/github', push('github'));
    expect(status).toBe(500);
    expect(JSON.parse(text)).toEqual({
      code: 'Internal',
      message: 'something went wrong; the log of the daemon says more',
    });
  });
});

/** Sends a body of unknown length until the other side ends it. */
function sendChunks(port: number, headers: Record<string, string>, body: Buffer): Promise<{ sent: number }> {
  return new Promise((resolve) => {
    const size = 65_536;
    let sent = 0;
    const socket = connect(port, '127.0.0.1');
    const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`POST /webhooks/github HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n${fields.join('')}\r\n`);
    const next = () => {
      if (socket.destroyed || sent >= body.length) return;
      const chunk = body.subarray(sent, sent + size);
      const head = `${chunk.length.toString(16)}\r\n`;
      socket.write(Buffer.concat([Buffer.from(head), chunk, Buffer.from('\r\n')]), (error) => {
        if (error) return;
        sent += chunk.length;
        next();
      });
    };
    socket.on('error', () => undefined);
    socket.on('close', () => resolve({ sent }));
    socket.resume();
    next();
  });
}

function loggerOf(methods: object): Logger {
  const nothing = () => undefined;
  const log = {
    level: 'info',
    fatal: nothing,
    error: nothing,
    warn: nothing,
    info: nothing,
    debug: nothing,
    trace: nothing,
  };
  const logger = { ...log, ...methods, child: () => logger };
  return logger as unknown as Logger;
}
