import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type OpenWatch, openWatch } from '../../src/cli/watch/open-watch.js';
import type { WatchConfig } from '../../src/config/watch-config.js';
import { sign } from '../api/support.js';
import { createRepository, type Repository } from '../source/repository.js';

/** A fetch of a repository on this disk takes a fraction of it. */
const LONG_FOR_A_READ_MS = 500;
const SECRET = 'what only the forge knows';

let repository: Repository;
let watch: OpenWatch;
let lines: string[];
beforeEach(() => {
  repository = createRepository();
  repository.git('rm', '-r', '--quiet', 'manifests');
  repository.commit({ 'manifests/.gitkeep': '' });
  lines = [];
});
afterEach(async () => {
  await watch.stop(0);
  repository.remove();
});

/** A daemon of no instances that looks at its source once, and then only when it is told to. */
async function begin(source: WatchConfig['source']): Promise<void> {
  const config: WatchConfig = {
    source,
    state: join(repository.base, 'daemon'),
    pki: join(repository.base, 'pki'),
    listen: null,
    concurrency: { total: 1, perHost: 1 },
    resync: { cron: '0 0 1 1 *', timeZone: 'UTC', jitterMs: 0 },
    shrinkTo: 0,
    retentionMs: 3_600_000,
    webhooks: [{ provider: 'github', secret: SECRET }],
    notifications: [],
    logLevel: 'debug',
  };
  const log = pino({ level: 'debug', base: null }, { write: (line: string) => void lines.push(line) });
  watch = await openWatch(config, { log, env: repository.env });
  await watch.start();
  await untilReads(1);
}

const git = (ref: { branch: string } | { tag: string }): WatchConfig['source'] => ({
  kind: 'git',
  url: repository.origin,
  ref,
  manifests: 'manifests',
  templates: 'templates',
  intervalMs: 86_400_000,
  allowedSigners: null,
});

async function reads(): Promise<number> {
  const { body } = await watch.api.inject('/metrics');
  const counts = body.matchAll(/^flotilla_source_reads_total\{.*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

const untilReads = (count: number) =>
  vi.waitFor(async () => expect(await reads()).toBe(count), { timeout: 60_000, interval: 10 });

async function push(body: object): Promise<number> {
  const payload = JSON.stringify(body);
  const signature = `sha256=${sign(SECRET, payload)}`;
  const headers = { 'content-type': 'application/json', 'x-github-event': 'push', 'x-hub-signature-256': signature };
  return (await watch.api.inject({ method: 'POST', url: '/webhooks/github', headers, payload })).statusCode;
}

describe('a push', () => {
  it('of another branch, or of a tag of that name, is answered and moves nothing', async () => {
    await begin(git({ branch: 'main' }));
    for (const ref of ['refs/heads/other', 'refs/tags/main', 'refs/heads/main2']) expect(await push({ ref })).toBe(202);
    await sleep(LONG_FOR_A_READ_MS);
    expect(await reads()).toBe(1);
    expect(await push({ ref: 'refs/heads/main' })).toBe(202);
    await untilReads(2);
    const told = lines.map((line) => JSON.parse(line) as { msg: string; ref?: string });
    expect(told.filter(({ msg }) => msg === 'push of what is not followed: the source is not read')).toHaveLength(3);
  });

  it('that does not say of what has the source read', async () => {
    await begin(git({ branch: 'main' }));
    expect(await push({})).toBe(202);
    await untilReads(2);
  });

  it('of the tag that is followed has it read, and one of a branch of that name does not', async () => {
    repository.git('tag', 'stable');
    await begin(git({ tag: 'stable' }));
    expect(await push({ ref: 'refs/heads/stable' })).toBe(202);
    await sleep(LONG_FOR_A_READ_MS);
    expect(await reads()).toBe(1);
    expect(await push({ ref: 'refs/tags/stable' })).toBe(202);
    await untilReads(2);
  });

  it('of any branch has directories read', async () => {
    const [manifests, templates] = [join(repository.base, 'manifests'), join(repository.origin, 'templates')];
    mkdirSync(manifests);
    await begin({ kind: 'directory', manifests, templates });
    expect(await push({ ref: 'refs/heads/other' })).toBe(202);
    await untilReads(2);
  });
});
