import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { chmodSync, readFileSync, renameSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { canMount, temporaryMount } from '../agent/support/tenant-tree.js';
import { type BuiltCli, buildCli } from '../support/cli-process.js';
import { createWatchSite, type WatchProcess, type WatchSite } from '../support/watch-site.js';
import { conditionOf, createWatchState, until } from '../support/watch-state.js';

vi.setConfig({ testTimeout: 400_000, hookTimeout: 120_000 });
const SECRET = 'what only the forge knows';

let cli: BuiltCli;
let site: WatchSite;

beforeAll(() => {
  cli = buildCli();
});
afterAll(() => cli.remove());
beforeEach(async () => {
  site = await createWatchSite(cli);
});
afterEach(() => site.close());

const at = (path: string) => join(site.directory, path);
const move = (from: string, to: string) => renameSync(at(from), at(to));

/** Until `/metrics` has this many problems of desired state. */
async function untilProblems(daemon: WatchProcess, count: number): Promise<void> {
  const line = `flotilla_desired_problems ${count}`;
  await until(line, async () => (await daemon.get('/metrics')).text.split('\n').includes(line), daemon.stderr);
}

const untilHeld = () =>
  site.state.untilStatus(
    'acme',
    'is held',
    (status) => conditionOf(status, 'Stalled')?.reason === 'DesiredStateInvalid',
  );

async function requireKept(daemon: WatchProcess): Promise<void> {
  expect(await site.state.decisions('acme')).not.toContainEqual(expect.objectContaining({ reason: 'Orphaned' }));
  expect(daemon.hasEnded()).toBe(false);
}

describe('a directory of manifests', () => {
  it('that is empty at first is no error, and what comes into it is taken', async () => {
    site.remove('manifests/acme.yaml');
    site.remove('manifests/host.yaml');
    const daemon = await site.watch();
    await daemon.untilReadiness(200);
    expect((await daemon.get('/metrics')).text).toMatch(/^flotilla_desired_problems 0$/m);
    site.write(
      'manifests/host.yaml',
      'apiVersion: flotilla.dev/v1\nkind: Host\nmetadata: { name: here }\nspec: { local: ../tenants }\n',
    );
    site.want('v1.0.0');
    await site.state.untilReady('acme', 'v1.0.0');
  });

  it('that is emptied is refused, and taken once the beginning of its revision is confirmed', async () => {
    const daemon = await site.watch();
    await site.state.untilReady('acme', 'v1.0.0');
    site.remove('manifests/acme.yaml');
    const { message } = await site.state.untilDecision('SourceRefused', {});
    await requireKept(daemon);
    const revision = /sha256:[0-9a-f]{64}/.exec(message)?.[0] ?? '';
    const confirmed = await site.flotilla('confirm', revision.slice(0, 'sha256:'.length + 12));
    expect(confirmed).toMatchObject({ code: 0 });
    await site.state.untilDecision('Orphaned', { slug: 'acme' });
    expect(await site.state.status('acme')).toBeUndefined();
  });

  it('that is not there at first, or goes and comes back, is told of by /readyz and takes nothing away', async () => {
    move('manifests', 'elsewhere');
    const daemon = await site.watch();
    const reads = /^flotilla_source_reads_total\{outcome="failed"\} [1-9]/m;
    await until('a read has failed', async () => reads.test((await daemon.get('/metrics')).text), daemon.stderr);
    expect(await daemon.untilReadiness(503)).toEqual([expect.stringContaining(at('manifests'))]);
    move('elsewhere', 'manifests');
    expect(await daemon.untilReadiness(200)).toEqual([]);
    await site.state.untilReady('acme', 'v1.0.0');

    move('manifests', 'elsewhere');
    const reasons = await daemon.untilReadiness(503);
    expect(reasons).toEqual([expect.stringContaining(at('manifests'))]);
    expect((await daemon.get('/healthz')).status).toBe(200);
    await requireKept(daemon);
    move('elsewhere', 'manifests');
    await daemon.untilReadiness(200);
    site.want('v1.1.0');
    await site.state.untilReady('acme', 'v1.1.0');
    const said = (await site.state.decisions()).filter(({ slug }) => slug === null).map(({ reason }) => reason);
    expect(said).toEqual(['SourceUnreadable', 'SourceRecovered', 'SourceUnreadable', 'SourceRecovered']);
    expect((await daemon.stop()).code).toBe(0);
  });

  it('that is a link follows where it leads', async () => {
    move('manifests', 'one');
    symlinkSync('one', at('manifests'));
    await site.watch();
    await site.state.untilReady('acme', 'v1.0.0');
    site.write('one/.keep', '');
    site.want('v1.1.0');
    await site.state.untilReady('acme', 'v1.1.0');
  });
});

describe('a manifest', () => {
  it('that has become a link to elsewhere is not followed: its instance is held until it is a file again', async () => {
    const daemon = await site.watch();
    await site.state.untilReady('acme', 'v1.0.0');
    move('manifests/acme.yaml', 'acme.yaml');
    symlinkSync('../acme.yaml', at('manifests/acme.yaml'));
    await untilHeld();
    await untilProblems(daemon, 1);
    await requireKept(daemon);
    site.remove('manifests/acme.yaml');
    site.want('v1.1.0');
    await site.state.untilReady('acme', 'v1.1.0');
    await untilProblems(daemon, 0);
  });

  it('that is a link to a pipe keeps nobody waiting', async () => {
    execFileSync('mkfifo', [at('manifests/pipe')]);
    symlinkSync('pipe', at('manifests/next.yaml'));
    const daemon = await site.watch();
    await site.state.untilReady('acme', 'v1.0.0');
    await untilProblems(daemon, 1);
    site.want('v1.1.0');
    await site.state.untilReady('acme', 'v1.1.0');
    expect((await daemon.stop()).code).toBe(0);
  });

  it.each([
    ['binary', Buffer.from(Array.from({ length: 4_096 }, (_, i) => (i * 37) % 256))],
    ['half a document', 'apiVersion: flotilla.dev/v1\nkind: Instance\nmetadata: { name: acme'],
    ['a bomb of aliases', `a: &a [x,x]\n${bomb()}`],
    ['nested without end', '['.repeat(50_000)],
    ['of 20 MB', `# ${'x'.repeat(20_000_000)}\n[`],
  ])('that has become %s holds what may have been in it, and another is still taken', async (_, text) => {
    const daemon = await site.watch();
    await site.state.untilReady('acme', 'v1.0.0');
    site.write('manifests/acme.yaml', text);
    await untilHeld();
    await requireKept(daemon);
    site.write('manifests/next.yaml', nextInstance());
    await site.state.untilStatus(
      'next',
      'is suspended',
      (status) => conditionOf(status, 'Ready')?.reason === 'Suspended',
    );
    site.want('v1.1.0');
    await site.state.untilReady('acme', 'v1.1.0');
    expect((await daemon.stop()).code).toBe(0);
  });
});

describe('a webhook', () => {
  const sign = (body: Buffer) => `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`;

  /** The status of the answer; the system's code where the connection was cut first. */
  function push(url: string, body: Buffer, headers: Record<string, string>): Promise<number | string> {
    return new Promise((done) => {
      const outgoing = request(`${url}/webhooks/github`, { method: 'POST', headers }, (answer) => {
        answer.resume();
        done(answer.statusCode ?? 0);
      });
      outgoing.on('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
      outgoing.end(body);
    });
  }

  it('of 50 MB is refused, signed or not, with its length told or not, and the daemon goes on', async () => {
    site.write('secret', `${SECRET}\n`);
    chmodSync(at('secret'), 0o600);
    site.configure({ webhooks: [{ provider: 'github', secretFile: './secret' }] });
    const daemon = await site.watch();
    await site.state.untilReady('acme', 'v1.0.0');
    const huge = Buffer.alloc(50_000_000, 'x');
    const type = { 'content-type': 'application/json', 'x-github-event': 'push' };
    const signed = { ...type, 'x-hub-signature-256': sign(huge) };
    const length = { 'content-length': String(huge.length) };
    for (const headers of [
      { ...signed, ...length },
      { ...signed, 'transfer-encoding': 'chunked' },
    ])
      expect([413, 'EPIPE', 'ECONNRESET']).toContain(await push(daemon.url, huge, headers));
    expect([401, 'EPIPE', 'ECONNRESET']).toContain(await push(daemon.url, huge, { ...type, ...length }));
    await daemon.untilReadiness(200);
    const small = Buffer.from(JSON.stringify({ ref: 'refs/heads/main' }));
    expect(await push(daemon.url, small, { ...type, 'x-hub-signature-256': sign(small) })).toBe(202);
    expect(daemon.stderr()).not.toContain(SECRET);
    expect((await daemon.stop()).code).toBe(0);
  });
});

it.skipIf(!canMount())(
  'a disk that fills up keeps nothing from being converged, and is told of by /readyz',
  async () => {
    const mount = temporaryMount('4m');
    const state = createWatchState(join(mount, 'state'), () => '');
    const daemon = await site.watch('--state', join(mount, 'state'));
    await state.untilReady('acme', 'v1.0.0');
    try {
      writeFileSync(join(mount, 'filler'), Buffer.alloc(8 * 1024 * 1024));
    } catch {
      // As much as there was place for.
    }
    site.want('v1.1.0');
    const composed = at('tenants/acme/docker-compose.yml');
    await until('acme is brought up', () => readFileSync(composed, 'utf8').includes('app:v1.1.0'), daemon.stderr);
    expect(await daemon.untilReadiness(503)).toEqual(['history cannot be written: it waits in memory']);
    truncateSync(join(mount, 'filler'));
    await daemon.untilReadiness(200);
    await state.untilReady('acme', 'v1.1.0');
    expect((await state.upgrades('acme')).map(({ toImageTag, result }) => `${toImageTag} ${result}`)).toEqual([
      'v1.1.0 converged',
      'v1.0.0 converged',
    ]);
    expect((await daemon.stop()).code).toBe(0);
  },
);

function bomb(): string {
  return Array.from({ length: 30 }, (_, i) => `b${i}: &b${i} [${`*${i === 0 ? 'a' : `b${i - 1}`},`.repeat(9)}]`).join(
    '\n',
  );
}

function nextInstance(): string {
  const spec = '{ host: here, template: app, imageTag: v1.0.0, suspend: true, values: { registry: r.test, note: a } }';
  return `apiVersion: flotilla.dev/v1\nkind: Instance\nmetadata: { name: next }\nspec: ${spec}\n`;
}
