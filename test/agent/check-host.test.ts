import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer as createHttpServer, type Server } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { checkHost } from '../../src/agent/check/check-host.js';
import type { Finding } from '../../src/agent/check/finding.js';
import { buildHostConfig } from '../../src/agent/host.js';
import { acquireLock } from '../../src/agent/lock/lock.js';
import { openHost } from '../../src/agent-client/local-driver.js';
import { makePki, type Pki } from '../support/pki.js';

const DAY_MS = 86_400_000;
const NOW = new Date();
const CLIENT = (compose: string) => `#!/bin/sh
case "$*" in
  --version) echo 'Docker version 20.10.24+dfsg1, build 297e128' ;;
  'compose version --short') ${compose} ;;
  *) exit 1 ;;
esac
`;

let base: string;
let pki: Pki;
let engine: Server;
let dir: string;
let root: string;

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), 'flotilla-check-test-'));
  pki = await makePki(join(base, 'pki'), { agents: [{ name: 'edmonton-1' }, { name: 'other' }] });
  engine = createHttpServer((_, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ Version: '20.10.24', ApiVersion: '1.41' }));
  });
  await new Promise<void>((resolve) => engine.listen(join(base, 'docker.sock'), resolve));
});
afterAll(() => {
  engine.close();
  engine.closeAllConnections();
  rmSync(base, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
});
beforeEach(() => {
  dir = mkdtempSync(join(base, 'case-'));
  root = join(dir, 'tenants');
  mkdirSync(root);
  program('docker', CLIENT('echo 2.26.1'));
});

function program(name: string, text: string): void {
  mkdirSync(join(dir, 'bin'), { recursive: true });
  writeFileSync(join(dir, 'bin', name), text);
  chmodSync(join(dir, 'bin', name), 0o755);
}

interface Where {
  pki?: string;
  now?: Date;
  port?: number;
  socket?: string;
}

async function check(where: Where = {}): Promise<Finding[]> {
  const env = { PATH: join(dir, 'bin'), DOCKER_HOST: `unix://${where.socket ?? join(base, 'docker.sock')}` };
  const host = openHost(buildHostConfig(root, env));
  const { findings } = await checkHost(host, {
    pki: where.pki ?? (pki.agents['edmonton-1'] as string),
    address: { host: '127.0.0.1', port: where.port ?? 0 },
    now: where.now ?? NOW,
  });
  await host.engine.close();
  return findings;
}

/** What is not in order. */
async function troubles(where: Where = {}): Promise<Finding[]> {
  return (await check(where)).filter(({ level }) => level !== 'ok');
}

describe('a host that has all an agent needs', () => {
  it('gets a line for each thing, and is left as it was', async () => {
    expect((await check()).map(({ level, check: what, message }) => `${level} ${what}: ${message}`)).toEqual([
      `ok engine: Docker Engine 20.10.24 (API 1.41) at unix://${base}/docker.sock`,
      'ok docker: docker client 20.10.24+dfsg1',
      'ok compose: Docker Compose 2.26.1',
      `ok root: ${root} is writable`,
      'ok flock: instances can be locked',
      'ok tenants: 0 instances found',
      expect.stringMatching(/^ok certificate: agent edmonton-1, valid until \d{4}-\d\d-\d\d \((89|90) days\)$/),
      expect.stringMatching(/^ok key: .*\/tls\.key is for its owner only$/),
      `ok clock: ${NOW.toISOString()}`,
      'ok address: 127.0.0.1:0 is free',
    ]);
    expect(readdirSync(root)).toEqual([]);
  });

  it('is told of instances, of commits that were interrupted, and of who has locked what', async () => {
    for (const name of ['acme', 'birch']) mkdirSync(join(root, name, '.flotilla'), { recursive: true });
    writeFileSync(join(root, 'acme/.flotilla/applied.json'), '{}');
    writeFileSync(join(root, 'birch/.flotilla/journal.json'), '{}');
    const lock = await acquireLock(join(root, 'acme'), { command: 'an upgrade by hand' });
    const found = (await check()).filter((one) => one.check === 'tenants');
    await lock.release();
    expect(found.map(({ level, message }) => `${level}: ${message}`)).toEqual([
      'ok: 2 instances found',
      'ok: 1 interrupted commit, completed when the agent starts: birch',
      'ok: 1 locked now: acme by an upgrade by hand',
    ]);
  });
});

describe('docker', () => {
  it('says that the engine does not answer, and goes on', async () => {
    expect(await troubles({ socket: join(dir, 'none.sock') })).toMatchObject([
      { level: 'fail', check: 'engine', message: expect.stringMatching(/does not answer: there is no such socket$/) },
    ]);
  });

  it('says once that there is no client', async () => {
    rmSync(join(dir, 'bin/docker'));
    expect(await troubles()).toMatchObject([
      {
        level: 'fail',
        check: 'docker',
        message: `there is no docker client in ${join(dir, 'bin')}`,
        hint: expect.stringContaining('docker-ce-cli'),
      },
    ]);
  });

  it.each([
    ['none', undefined, 'the docker client of this host has no compose command'],
    [
      'the old one',
      '1.29.2',
      'the docker client of this host has no compose command; docker-compose 1.29.2 is not enough',
    ],
  ])('says what to install where compose is %s', async (_, old, message) => {
    program('docker', CLIENT(`echo "docker: 'compose' is not a docker command." >&2; exit 1`));
    if (old) program('docker-compose', `#!/bin/sh\necho ${old}\n`);
    const hint = expect.stringContaining('docker-compose-plugin');
    expect(await troubles()).toEqual([{ level: 'fail', check: 'compose', message, hint }]);
  });

  it('refuses a compose that is too old', async () => {
    program('docker', CLIENT('echo v1.29.2'));
    const message = 'this is Docker Compose v1.29.2, and Flotilla needs version 2 or later';
    expect(await troubles()).toMatchObject([{ level: 'fail', check: 'compose', message }]);
  });
});

describe('the root', () => {
  it('must be there, and be a directory', async () => {
    rmSync(root, { recursive: true, maxRetries: 10, retryDelay: 50 });
    expect(await troubles()).toEqual([
      { level: 'fail', check: 'root', message: `there is no directory ${root}`, hint: `mkdir -p ${root}` },
    ]);
    writeFileSync(root, '');
    expect(await troubles()).toMatchObject([{ level: 'fail', check: 'root', message: `${root} is not a directory` }]);
  });

  it('must be writable', async () => {
    // Root writes wherever it likes, but not here.
    const before = root;
    root = '/proc';
    expect((await troubles())[0]).toMatchObject({
      level: 'fail',
      check: 'root',
      message: expect.stringMatching(/^cannot write in \/proc/),
    });
    root = before;
  });
});

describe('the certificate', () => {
  const copyOf = (name: string) => {
    const to = join(dir, 'pki');
    mkdirSync(to);
    for (const file of readdirSync(name))
      writeFileSync(join(to, file), readFileSync(join(name, file)), { mode: 0o600 });
    return to;
  };

  it.each(['ca.crt', 'tls.crt', 'tls.key', 'crl.pem'])('is not complete without %s', async (file) => {
    const folder = copyOf(pki.agents['edmonton-1'] as string);
    rmSync(join(folder, file));
    const message = `there is no ${join(folder, file)}`;
    expect(await troubles({ pki: folder })).toMatchObject([{ level: 'fail', check: 'certificate', message }]);
  });

  it('must match its key', async () => {
    const folder = copyOf(pki.agents['edmonton-1'] as string);
    writeFileSync(join(folder, 'tls.key'), readFileSync(join(pki.agents.other as string, 'tls.key')));
    const message = `tls.key and tls.crt in ${folder} do not belong together`;
    expect(await troubles({ pki: folder })).toMatchObject([{ level: 'fail', check: 'certificate', message }]);
  });

  it('must be an agent’s', async () => {
    const folder = pki.controllers.controller as string;
    const message = `the certificate in ${folder} is a controller's, not an agent's`;
    expect(await troubles({ pki: folder })).toMatchObject([{ level: 'fail', check: 'certificate', message }]);
  });

  it('is told in time to renew, and fails once it has expired', async () => {
    const at = (days: number) => troubles({ now: new Date(NOW.getTime() + days * DAY_MS) });
    expect(await at(69)).toEqual([]);
    const hint = 'flotilla pki renew edmonton-1, then copy its folder here; a running agent takes it up by itself';
    expect(await at(71)).toMatchObject([
      { level: 'warn', message: expect.stringMatching(/: (18|19) days left$/), hint },
    ]);
    expect(await at(91)).toMatchObject([{ level: 'fail', message: expect.stringContaining(' expired at '), hint }]);
  });

  it('fails once the authority itself has expired', async () => {
    const long = new Date(NOW.getTime() - 11 * 365 * DAY_MS);
    const old = await makePki(join(dir, 'old'), { agents: [{ name: 'edmonton-1' }], now: long });
    const message = expect.stringMatching(/^the authority of ca\.crt expired at /);
    const found = await troubles({ pki: old.agents['edmonton-1'] as string });
    expect(found).toMatchObject([{ level: 'fail', check: 'certificate', message }]);
  });

  it('has a key for its owner only', async () => {
    const folder = copyOf(pki.agents['edmonton-1'] as string);
    chmodSync(join(folder, 'tls.key'), 0o644);
    const key = join(folder, 'tls.key');
    const message = `${key} can be used by others than its owner (mode 644)`;
    expect(await troubles({ pki: folder })).toEqual([
      { level: 'warn', check: 'key', message, hint: `chmod 600 ${key}` },
    ]);
  });
});

describe('the clock', () => {
  it('is doubted when the certificate is not valid yet', async () => {
    const found = await troubles({ now: new Date(NOW.getTime() - 30 * DAY_MS) });
    expect(found.map(({ level, check: what }) => `${level} ${what}`)).toEqual(['fail certificate', 'warn clock']);
    expect(found[0]?.message).toMatch(/ is valid from .* on, and here it is /);
    expect(found[0]?.hint).toContain('look at the clock of this machine');
  });

  it('is doubted when a file is dated after now', async () => {
    const [record, later] = [join(root, 'acme/.flotilla/applied.json'), new Date(NOW.getTime() + DAY_MS)];
    mkdirSync(join(root, 'acme/.flotilla'), { recursive: true });
    writeFileSync(record, '{}');
    utimesSync(record, later, later);
    expect(await troubles()).toEqual([
      {
        level: 'warn',
        check: 'clock',
        message: `here it is ${NOW.toISOString()}, and ${record} is dated ${later.toISOString()}`,
        hint: 'look at the clock of this machine: timedatectl',
      },
    ]);
  });
});

describe('the address', () => {
  it('must be free', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const found = await troubles({ port });
    other.close();
    expect(found).toEqual([
      {
        level: 'fail',
        check: 'address',
        message: `cannot listen at 127.0.0.1:${port}: something listens there already`,
        hint: `ss -ltnp 'sport = :${port}' shows who; or choose another address with --listen`,
      },
    ]);
  });
});
