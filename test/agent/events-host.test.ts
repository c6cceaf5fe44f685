import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { createEngineApi } from '../../src/agent/engine/engine-api.js';
import { createHostEvents } from '../../src/agent/events/host-events.js';
import { buildHostConfig } from '../../src/agent/host.js';
import { listenTo } from './support/listening.js';
import { temporaryDirectory, writeTree } from './support/tenant-tree.js';

const QUICK = { backoff: { minMs: 20, maxMs: 50 } };

/** A host with the instance `acme` and an engine that streams what the test says. */
async function stubHost(answer?: RequestListener, options = QUICK) {
  const directory = temporaryDirectory();
  writeTree(directory, { 'root/acme/docker-compose.yml': 'one' });
  const asked: IncomingMessage[] = [];
  const streams = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    asked.push(request);
    if (answer) {
      answer(request, response);
      return;
    }
    streams.add(response);
    response
      .on('close', () => streams.delete(response))
      .writeHead(200)
      .flushHeaders();
  });
  const socket = join(directory, 'docker.sock');
  const start = () => new Promise<void>((resolve) => server.listen(socket, resolve));
  const stop = async () => {
    await new Promise((resolve) => server.close(resolve).closeAllConnections());
  };
  await start();
  const config = buildHostConfig(join(directory, 'root'), { DOCKER_HOST: `unix://${socket}` });
  const engine = createEngineApi(config);
  const events = createHostEvents({ config, engine }, options);
  events.expect([{ slug: 'acme', project: 'acme-project', directory: 'acme', paths: ['docker-compose.yml'] }]);
  onTestFinished(async () => {
    events.close();
    await engine.close();
    server.close().closeAllConnections();
  });
  const say = (...lines: unknown[]) => {
    const text = lines.map((line) => (typeof line === 'string' ? line : `${JSON.stringify(line)}\n`)).join('');
    for (const stream of streams) stream.write(text);
  };
  return {
    events,
    asked,
    streams,
    say,
    start,
    stop,
    edit: () => writeFileSync(join(directory, 'root/acme/docker-compose.yml'), 'x'),
  };
}

function happened(Action: string, labels: Record<string, string> = {}) {
  const attributes = {
    'com.docker.compose.project': 'acme-project',
    'com.docker.compose.service': 'web',
    'com.docker.compose.oneoff': 'False',
    exitCode: '137',
    ...labels,
  };
  return { Type: 'container', Action, Actor: { ID: 'c1', Attributes: attributes } };
}

test('asks the engine for what matters only, and says slug, service and action of it', async () => {
  const { events, asked, say } = await stubHost();
  const listening = listenTo(events.listen);
  await listening.until('resync');
  expect(JSON.parse(new URL(asked[0]?.url ?? '', 'http://engine').searchParams.get('filters') ?? '')).toMatchObject({
    type: ['container'],
    label: ['com.docker.compose.project'],
    event: expect.arrayContaining(['die', 'oom', 'health_status', 'destroy']),
  });
  say(happened('die'));
  await listening.until('container acme web die');
  say(happened('health_status: unhealthy'));
  await listening.until('container acme web health_status: unhealthy');
});

test('says nothing of other projects, one-off containers, probes and what is no container', async () => {
  const { events, say } = await stubHost();
  const listening = listenTo(events.listen);
  await listening.until('resync');
  say(
    happened('die', { 'com.docker.compose.project': 'other' }),
    happened('die', { 'com.docker.compose.oneoff': 'True' }),
    happened('die', { 'com.docker.compose.service': '' }),
    happened('exec_start: /bin/probe --token s3cret'),
    happened('exec_die'),
    { ...happened('die'), Type: 'network' },
    { Type: 'container', Action: 'die' },
    happened('start'),
  );
  await listening.until('container acme web start');
  expect(await listening.within(50)).toEqual([]);
});

test('reads events however the stream is cut into pieces', async () => {
  const { events, say } = await stubHost();
  const listening = listenTo(events.listen);
  await listening.until('resync');
  const text = `${JSON.stringify(happened('die', { note: 'grüß' }))}\n`;
  say(text.slice(0, 40));
  await sleep(20);
  say(text.slice(40), `\n${JSON.stringify(happened('start', { 'com.docker.compose.service': 'db' }))}\n`);
  await listening.until('container acme web die', 'container acme db start');
});

test.each(['<html>\n', '[1,\n'])('a stream that says %j is given up, and asked for again', async (nonsense) => {
  const { events, say, asked } = await stubHost();
  const listening = listenTo(events.listen);
  await listening.until('resync');
  say(nonsense);
  await listening.until('resync');
  expect(asked).toHaveLength(2);
  say(happened('die'));
  await listening.until('container acme web die');
});

test('says resync after each time that the engine was away', async () => {
  const { events, start, stop, say } = await stubHost();
  const listening = listenTo(events.listen);
  await listening.until('resync');
  for (let round = 0; round < 2; round += 1) {
    await stop();
    expect(await listening.within(150)).toEqual([]);
    await start();
    await listening.until('resync');
    say(happened('start'));
    await listening.until('container acme web start');
  }
});

test('files are told while there is no engine, or one that refuses or does not answer', async () => {
  for (const answer of [
    ((_, response) => response.writeHead(500).end('{"message":"s3cret"}')) satisfies RequestListener,
    (() => undefined) satisfies RequestListener,
  ]) {
    const { events, edit } = await stubHost(answer);
    const listening = listenTo(events.listen);
    await listening.until('resync');
    edit();
    await listening.until('file acme docker-compose.yml');
  }
  const { events, edit, stop } = await stubHost();
  await stop();
  const listening = listenTo(events.listen);
  await listening.until('resync');
  edit();
  await listening.until('file acme docker-compose.yml');
});

test('an engine that cuts each stream at once is asked at growing intervals', async () => {
  const { events, asked } = await stubHost((_, response) => response.end(), { backoff: { minMs: 50, maxMs: 10_000 } });
  const listening = listenTo(events.listen);
  await listening.until('resync');
  await sleep(1_000);
  expect(asked.length).toBeGreaterThanOrEqual(3);
  expect(asked.length).toBeLessThanOrEqual(7);
});

test('listeners share one stream; the last one that goes ends it, and the next one begins anew', async () => {
  const { events, asked, streams, say, edit } = await stubHost();
  const [one, two] = [listenTo(events.listen), listenTo(events.listen)];
  await one.until('resync');
  await two.until('resync');
  say(happened('die'));
  edit();
  for (const listening of [one, two]) await listening.until('container acme web die', 'file acme docker-compose.yml');
  expect(asked).toHaveLength(1);
  await one.stop();
  say(happened('start'));
  await two.until('container acme web start');
  expect(one.told).toEqual([]);
  await two.stop();
  while (streams.size > 0) await sleep(5);
  edit();
  const three = listenTo(events.listen);
  await three.until('resync');
  expect(asked).toHaveLength(2);
  expect(await three.within(100)).toEqual([]);
  edit();
  await three.until('file acme docker-compose.yml');
});

test('an instance that is observed later is told as well', async () => {
  const { events, say } = await stubHost();
  const listening = listenTo(events.listen);
  await listening.until('resync');
  events.expect([{ slug: 'zen', project: 'zen', directory: 'zen', paths: ['a.yml'] }]);
  say(happened('die', { 'com.docker.compose.project': 'zen' }));
  await listening.until('container zen web die');
});

test('a listener ends at once: by its signal, by leaving, and when the host is closed', async () => {
  const { events } = await stubHost();
  const done = { done: true, value: undefined };
  const aborted = events.listen({ signal: AbortSignal.abort() })[Symbol.asyncIterator]();
  expect(await aborted.next()).toEqual(done);
  const ending = new AbortController();
  const left = events.listen({ signal: ending.signal })[Symbol.asyncIterator]();
  expect(await left.next()).toEqual({ done: false, value: { type: 'resync' } });
  const pending = left.next();
  await left.return?.();
  expect(await pending).toEqual(done);
  const listening = listenTo(events.listen);
  await listening.until('resync');
  events.close();
  await listening.stop();
  const late = events.listen({ signal: ending.signal })[Symbol.asyncIterator]();
  expect(await late.next()).toEqual(done);
});
