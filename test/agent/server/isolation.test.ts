import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRemoteDriver, type RemotePatience } from '../../../src/agent-client/remote-driver.js';
import type { TenantDriver } from '../../../src/agent-client/tenant-driver.js';
import { reconcile } from '../../../src/controller/reconcile.js';
import type { ReconcileItem } from '../../../src/controller/report.js';
import { FlotillaError } from '../../../src/errors.js';
import { loadDesiredState } from '../../../src/manifest/load.js';
import { type Identity, loadIdentity } from '../../../src/pki/identity.js';
import { createRenderer } from '../../../src/render/create-renderer.js';
import { loadTemplates } from '../../../src/render/load-template.js';
import { decodeApply } from '../../../src/wire/codec.js';
import { makePki, type Pki } from '../../support/pki.js';
import { startAgent, type TestAgent } from '../../support/remote.js';
import { applyBody } from './bodies.js';
import { stubDriver } from './serve.js';

/** A host that is dead, or that hangs, is nobody's trouble but its own instances'. */
const HOSTS = ['dead', 'fine', 'mute', 'stuck'] as const;
let directory: string;
let pki: Pki;
let controller: Identity;
let fine: TestAgent;
const servers: Server[] = [];
const sockets = new Set<Socket>();
let urls: Record<string, string>;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'flotilla-hosts-'));
  mkdirSync(join(directory, 'root'));
  pki = await makePki(join(directory, 'pki'), { agents: HOSTS.map((name) => ({ name })) });
  controller = loadIdentity(pki.controllers.controller!);
  fine = await startAgent(join(directory, 'root'), { name: 'fine', pki });
  const gone = createServer();
  const port = await listen(gone);
  gone.close();
  urls = {
    fine: fine.url,
    dead: `https://127.0.0.1:${port}`,
    // Takes connections and says nothing at all.
    mute: `https://127.0.0.1:${await listen(createServer())}`,
    // Greets properly, and then hangs.
    stuck: `https://127.0.0.1:${await listen(createHttpsServer({ ...tls('stuck'), requestCert: true }, () => undefined))}`,
  };
  writeFleet();
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers) server.close();
  await fine.close();
  rmSync(directory, { recursive: true, maxRetries: 10, retryDelay: 50 });
});

function tls(name: string) {
  const { ca, cert, key } = loadIdentity(pki.agents[name]!);
  return { ca, cert, key };
}

function listen(server: Server): Promise<number> {
  servers.push(server);
  server.on('connection', (socket: Socket) => sockets.add(socket));
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

function writeFleet(): void {
  const files: Record<string, string> = {
    'templates/app/template.yaml':
      'apiVersion: flotilla.dev/v1\nkind: Template\nmetadata: { name: app }\nspec: { compose: docker-compose.yml }\n',
    'templates/app/files/docker-compose.yml.mustache': 'services:\n  web:\n    image: "app:{{imageTag}}"\n',
  };
  const head = (kind: string, name: string) =>
    `apiVersion: flotilla.dev/v1\nkind: ${kind}\nmetadata: { name: ${name} }\n`;
  const documents = HOSTS.flatMap((host) => [
    `${head('Host', host)}spec: { agent: "${urls[host]}" }\n`,
    ...[1, 2, 3].map(
      (i) => `${head('Instance', `${host}-${i}`)}spec: { host: ${host}, template: app, imageTag: v1 }\n`,
    ),
  ]);
  files['manifests/all.yaml'] = documents.join('---\n');
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
}

const SHORT: RemotePatience = {
  connectMs: 400,
  observeMs: 300,
  inspectMs: 300,
  silenceMs: 300,
  apply: { answerMs: 300, silenceMs: 300, contactMs: 400, pausesMs: [20] },
};

const connect = (name: string, patience?: RemotePatience) =>
  createRemoteDriver({ name, url: urls[name] as string }, () => controller, patience);

async function preview(options: {
  patience?: RemotePatience;
  signal?: AbortSignal;
  onItem?: (item: ReconcileItem) => void;
}) {
  const drivers = new Map<string, TenantDriver>();
  try {
    const { items } = await reconcile(
      {
        desired: await loadDesiredState({
          manifests: join(directory, 'manifests'),
          templates: join(directory, 'templates'),
        }),
        templates: await loadTemplates(join(directory, 'templates')),
        renderer: createRenderer(),
        driverFor: ({ name }) => {
          if (!drivers.has(name)) drivers.set(name, connect(name, options.patience));
          return drivers.get(name) as TenantDriver;
        },
        now: () => new Date(),
        newId: randomUUID,
      },
      {
        slugs: [],
        dryRun: true,
        filesOnly: true,
        concurrency: 1,
        ignoreHold: false,
        ignoreWindow: false,
        ...(options.signal && { signal: options.signal }),
        onEvent: (event) => {
          if (event.type === 'finished') options.onItem?.(event.item);
        },
      },
    );
    return items;
  } finally {
    for (const driver of drivers.values()) await driver.close();
  }
}

const resultsOf = (items: readonly ReconcileItem[]) =>
  Object.fromEntries(items.map(({ slug, result, error }) => [slug, error?.code ?? result]));

describe('a sweep over hosts of which some are dead or hang', () => {
  it('is done with the others before it has given those up', async () => {
    const stop = new AbortController();
    const finished: ReconcileItem[] = [];
    const items = await preview({
      signal: stop.signal,
      onItem: (item) => {
        finished.push(item);
        // With the patience of every day: nobody has waited for it.
        if (finished.length === 6) stop.abort();
      },
    });
    expect(resultsOf(finished.slice(0, 6))).toEqual({
      'fine-1': 'changed',
      'fine-2': 'changed',
      'fine-3': 'changed',
      'dead-1': 'HostUnreachable',
      'dead-2': 'HostUnreachable',
      'dead-3': 'HostUnreachable',
    });
    expect(resultsOf(items)).toMatchObject({ 'mute-1': 'Cancelled', 'stuck-1': 'Cancelled' });
  });

  it('gives those up in time, saying why', async () => {
    const items = await preview({ patience: { ...SHORT, inspectMs: 20_000 } });
    const results = resultsOf(items);
    for (const host of ['mute', 'stuck']) for (const i of [1, 2, 3]) expect(results[`${host}-${i}`]).toBe('TimedOut');
    expect(items.find(({ slug }) => slug === 'stuck-1')?.error?.message).toMatch(
      /^host stuck: the agent at https:\S+ did not answer within 0\.3 s$/,
    );
  });
});

describe('a host that hangs', () => {
  it('is left alone for a while after some failures in a row', async () => {
    const driver = connect('stuck', SHORT);
    const codes: string[] = [];
    for (let i = 0; i < 4; i++) await driver.observe([]).catch((error: FlotillaError) => codes.push(error.code));
    expect(codes).toEqual(['TimedOut', 'TimedOut', 'TimedOut', 'TimedOut']);
    await expect(driver.observe([])).rejects.toMatchObject({
      message: expect.stringMatching(/^host stuck: the agent at \S+ did not answer within 0\.3 s$/),
      hint: expect.stringMatching(/it failed 3 times in a row: it is left alone for 10 s, and then asked again$/),
    });
    await driver.close();
  });

  it('does not hold anybody who has had enough, while it is being connected to either', async () => {
    const day = 86_400_000;
    for (const name of ['mute', 'stuck']) {
      const driver = connect(name, { ...SHORT, observeMs: day });
      const stop = new AbortController();
      const observed = driver.observe([], { signal: stop.signal });
      setTimeout(() => stop.abort(), 50);
      await expect(observed).rejects.toMatchObject({ code: 'Cancelled' });
      await driver.close();
    }
  });

  it('does not hold an apply for ever', async () => {
    for (const name of ['mute', 'stuck']) {
      const driver = connect(name, SHORT);
      const request = decodeApply(applyBody('acme'), 'id');
      await expect(driver.apply(request)).rejects.toMatchObject({ code: 'HostUnreachable' });
      await driver.close();
    }
  }, 20_000);

  it('does not hold a listener that has had enough', async () => {
    const driver = connect('stuck', SHORT);
    const stop = new AbortController();
    const events: unknown[] = [];
    setTimeout(() => stop.abort(), 500);
    for await (const event of driver.events({ signal: stop.signal })) events.push(event);
    expect(events).toEqual([]);
    await driver.close();
  });
});

describe('what an agent says of one instance', () => {
  it('is no failure of its host, however often it says so', async () => {
    let asked = 0;
    const generations = async () => {
      asked += 1;
      throw new FlotillaError('TimedOut', 'compose did not answer');
    };
    const agent = await startAgent(join(directory, 'root'), { name: 'fine', pki, driver: stubDriver({ generations }) });
    const driver = agent.connect();
    const ref = { slug: 'acme', project: 'acme', directory: 'acme' };
    for (let i = 0; i < 6; i++) await expect(driver.generations(ref)).rejects.toMatchObject({ code: 'TimedOut' });
    expect(asked).toBe(6);
    await driver.close();
    await agent.close();
  });

  it('is not sent for when what is asked is larger than an agent takes', async () => {
    const driver = fine.connect();
    const request = decodeApply(applyBody('acme', { 'app.conf': 'x'.repeat(13 * 1024 * 1024) }), 'id');
    await expect(driver.apply(request)).rejects.toMatchObject({
      code: 'RequestTooLarge',
      message: 'host fine: the request is larger than the 16 MiB that an agent takes',
    });
    await driver.close();
  });
});
