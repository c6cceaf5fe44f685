import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { parseRetryAfter } from '../../src/notify/post-notice.js';
import { type Answer, eventually, NOTICE, notify, receive, target } from './support.js';

const numbered = (i: number) => ({ ...NOTICE, message: `${i}` });
const messageOf = ({ text }: { text: string }): string => (JSON.parse(text) as { message: string }).message;
/** Answers with one status after another, then with 200. */
const statuses =
  (...codes: number[]): Answer =>
  (response, index) =>
    response.writeHead(codes[index] ?? 200, { location: '/elsewhere' }).end();

test('a webhook gets the notice as JSON, with the headers that it was given', async () => {
  const { got, origin } = await receive();
  const { notifier, outcomes } = notify([target(`${origin}/hook?x=1`, { headers: { Authorization: 'Bearer abc' } })]);
  notifier.tell(NOTICE);
  await eventually(() => expect(outcomes).toEqual(['sent']));
  const { kind, ...rest } = NOTICE;
  expect(JSON.parse(got[0]!.text)).toEqual({ apiVersion: 'flotilla.dev/v1', kind: 'Notice', event: kind, ...rest });
  expect(got[0]!.path).toBe('/hook?x=1');
  expect(got[0]!.headers).toMatchObject({
    authorization: 'Bearer abc',
    'content-type': 'application/json; charset=utf-8',
  });
});

test('notices go out in the order in which they were told, one at a time', async () => {
  let open = 0;
  const { got, origin } = await receive((response) => {
    open += 1;
    expect(open).toBe(1);
    setImmediate(() => {
      open -= 1;
      response.end();
    });
  });
  const { notifier, outcomes } = notify([target(origin)]);
  for (let i = 0; i < 50; i += 1) notifier.tell(numbered(i));
  await eventually(() => expect(outcomes).toHaveLength(50));
  expect(got.map(messageOf)).toEqual(Array.from({ length: 50 }, (_, i) => `${i}`));
  expect(new Set(outcomes)).toEqual(new Set(['sent']));
});

test('a server in trouble is asked again, and later notices wait for the first', async () => {
  const { got, origin } = await receive(statuses(500, 429, 503));
  const { notifier, outcomes } = notify([target(origin)]);
  notifier.tell(numbered(1));
  notifier.tell(numbered(2));
  await eventually(() => expect(outcomes).toEqual(['sent', 'sent']));
  expect(got.map(messageOf)).toEqual(['1', '1', '1', '1', '2']);
});

test('after five attempts it is given up, logged once without the address, and the next is sent', async () => {
  const { got, origin } = await receive(statuses(500, 500, 500, 500, 500));
  const { notifier, outcomes, lines } = notify([
    target(`${origin}/services/SECRET?a=SECRET`, { headers: { authorization: 'Bearer SECRET' } }),
  ]);
  notifier.tell(numbered(1));
  notifier.tell(numbered(2));
  await eventually(() => expect(outcomes).toEqual(['failed', 'sent']));
  expect(got).toHaveLength(6);
  const warned = lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ level }) => level === 40);
  expect(warned).toMatchObject([
    { msg: 'notice not sent', why: 'status 500', target: `webhook ${origin}`, slug: 'acme' },
  ]);
  expect(lines.join('')).not.toContain('SECRET');
});

test.each([301, 307, 400, 401, 404, 410])('what is answered with %i is not sent again', async (status) => {
  const { got, origin } = await receive(statuses(status));
  const { notifier, outcomes, lines } = notify([target(origin)]);
  notifier.tell(numbered(1));
  notifier.tell(numbered(2));
  await eventually(() => expect(outcomes).toEqual(['failed', 'sent']));
  expect(got.map(({ path }) => path)).toEqual(['/', '/']);
  expect(lines.filter((line) => line.includes(`status ${status}`))).toHaveLength(1);
});

test('a connection that breaks is tried again', async () => {
  const { got, origin } = await receive((response, index) => (index < 2 ? response.destroy() : response.end()));
  const { notifier, outcomes } = notify([target(origin)]);
  notifier.tell(NOTICE);
  await eventually(() => expect(outcomes).toEqual(['sent']));
  expect(got).toHaveLength(3);
});

test('a wait that the server asks for holds, whatever the back-off', async () => {
  const { origin, got } = await receive((response, index) =>
    index === 0 ? response.writeHead(429, { 'retry-after': '0' }).end() : response.end(),
  );
  const { notifier, outcomes } = notify([target(origin)], { backoff: { firstMs: 3_600_000, mostMs: 3_600_000 } });
  notifier.tell(NOTICE);
  await eventually(() => expect(outcomes).toEqual(['sent']));
  expect(got).toHaveLength(2);
});

test('a wait that is asked for is read in seconds or as a date, and is a minute at most', () => {
  const now = Date.parse('2026-01-02T03:04:05Z');
  expect(parseRetryAfter('7', now)).toBe(7_000);
  expect(parseRetryAfter('Fri, 02 Jan 2026 03:04:25 GMT', now)).toBe(20_000);
  expect(parseRetryAfter('Fri, 02 Jan 2026 03:00:00 GMT', now)).toBe(0);
  expect(parseRetryAfter('86400', now)).toBe(60_000);
  expect(parseRetryAfter(undefined, now)).toBeNull();
  expect(parseRetryAfter('soon', now)).toBeNull();
});

test('a target gets what is severe enough for it', async () => {
  const { got, origin } = await receive();
  const { notifier, outcomes } = notify([target(`${origin}/all`), target(`${origin}/bad`, { atLeast: 'error' })]);
  for (const severity of ['info', 'warning', 'error'] as const) notifier.tell({ ...NOTICE, severity });
  await eventually(() => expect(outcomes).toHaveLength(4));
  expect(got.filter(({ path }) => path === '/bad').map(({ text }) => JSON.parse(text))).toMatchObject([
    { severity: 'error' },
  ]);
  expect(got.filter(({ path }) => path === '/all')).toHaveLength(3);
});

test('a target that does not answer holds up no other; of what waits for it the oldest is dropped and counted', async () => {
  const silent = await receive(() => undefined);
  const { got, origin } = await receive();
  const { notifier, outcomes, lines } = notify([target(silent.origin), target(origin)], { limit: 3 });
  notifier.tell(numbered(0));
  await eventually(() => expect(silent.got).toHaveLength(1));
  await eventually(() => expect(got).toHaveLength(1));
  for (let i = 1; i <= 5; i += 1) {
    notifier.tell(numbered(i));
    await eventually(() => expect(got).toHaveLength(i + 1));
  }
  await eventually(() => expect(outcomes.filter((one) => one === 'sent')).toHaveLength(6));
  expect(outcomes.filter((one) => one === 'dropped')).toHaveLength(2);
  expect(lines.filter((line) => line.includes('the oldest are dropped'))).toHaveLength(1);
});

test('closing sends what waits', async () => {
  const { got, origin } = await receive(statuses(503));
  const { notifier, outcomes } = notify([target(origin)]);
  for (let i = 0; i < 5; i += 1) notifier.tell(numbered(i));
  await notifier.close(60_000);
  expect(got.map(messageOf)).toEqual(['0', '0', '1', '2', '3', '4']);
  expect(outcomes).toHaveLength(5);
  notifier.tell(NOTICE);
  expect(outcomes.at(-1)).toBe('dropped');
});

test.each(['that does not answer', 'that asks to be left alone for long'])(
  'closing ends when its patience does, with a server %s, and every notice is counted',
  async (which) => {
    const { got, origin } = await receive((response) => {
      if (which !== 'that does not answer') response.writeHead(429, { 'retry-after': '50' }).end();
    });
    const { notifier, outcomes } = notify([target(origin)]);
    for (let i = 0; i < 5; i += 1) notifier.tell(numbered(i));
    await eventually(() => expect(got).toHaveLength(1));
    await notifier.close(20);
    expect(outcomes).toEqual(Array.from({ length: 5 }, () => 'dropped'));
  },
);

test('closing ends when its patience does, also where nothing takes the connection', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  const { notifier, outcomes } = notify([target(`http://127.0.0.1:${port}`)], {
    backoff: { firstMs: 3_600_000, mostMs: 3_600_000 },
  });
  notifier.tell(NOTICE);
  await notifier.close(50);
  expect(outcomes).toEqual(['dropped']);
});

test('with other targets, one that stays keeps what waits for it, and one that goes still gets what it was to have', async () => {
  const answers: (() => void)[] = [];
  const { got, origin } = await receive((response) => void answers.push(() => response.end()));
  const stays = target(`${origin}/stays`, { headers: { a: '1', b: '2' } });
  const { notifier, outcomes } = notify([stays, target(`${origin}/goes`)]);
  notifier.tell(numbered(1));
  notifier.tell(numbered(2));
  await eventually(() => expect(got).toHaveLength(2));
  notifier.reconfigure([target(`${origin}/new`), { ...stays, headers: { b: '2', a: '1' } }]);
  notifier.tell(numbered(3));
  const answerAll = () => {
    for (const answer of answers.splice(0)) answer();
  };
  await eventually(() => {
    answerAll();
    expect(outcomes).toHaveLength(6);
  });
  const of = (path: string) => got.filter((one) => one.path === path).map(messageOf);
  expect({ stays: of('/stays'), goes: of('/goes'), new: of('/new') }).toEqual({
    stays: ['1', '2', '3'],
    goes: ['1', '2'],
    new: ['3'],
  });
  expect(new Set(outcomes)).toEqual(new Set(['sent']));
});

test('Slack gets a text', async () => {
  const { got, origin } = await receive();
  const { notifier, outcomes } = notify([target(origin, { type: 'slack' })]);
  notifier.tell(NOTICE);
  await eventually(() => expect(outcomes).toEqual(['sent']));
  expect(JSON.parse(got[0]!.text)).toEqual({
    text: '*acme* on edmonton-1: v1.0.0 -&gt; v1.1.0 failed: VerifyFailed - api is unhealthy (will be tried again)\nrevision 0123456789ab by Sam Sample &lt;sam@example.org&gt;',
  });
});

test('a template makes the body', async () => {
  const { got, origin } = await receive();
  const template = '{"title":"{{event}} of {{slug}}","body":"{{message}}"}';
  const { notifier, outcomes } = notify([
    target(`${origin}/w`, { template }),
    target(`${origin}/s`, { type: 'slack', template: '{{slug}}: {{message}}' }),
  ]);
  notifier.tell({ ...NOTICE, message: '<!channel> "quoted"' });
  await eventually(() => expect(outcomes).toEqual(['sent', 'sent']));
  const bodies = Object.fromEntries(got.map(({ path, text }) => [path, JSON.parse(text) as unknown]));
  expect(bodies).toEqual({
    '/w': { title: 'UpgradeFailed of acme', body: '<!channel> "quoted"' },
    '/s': { text: 'acme: &lt;!channel&gt; "quoted"' },
  });
});
