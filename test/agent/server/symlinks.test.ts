import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer } from '../../support/raw-http.js';
import { applyBody, inspectBody, observeBody, sha256 } from './bodies.js';
import { type Served, serve } from './serve.js';

/** Links that come and go while an agent works in an instance lead nowhere. */
const SECRET = 'c4nary-outside\n';
const ROUNDS = 150;
let served: Served;
let tenant: string;
let outside: string;
beforeAll(async () => {
  served = await serve();
  tenant = join(served.root, 'acme');
  outside = join(served.directory, 'outside');
  mkdirSync(join(tenant, 'sub'), { recursive: true });
  mkdirSync(join(outside, 'sub'), { recursive: true });
  for (const path of ['app.conf', 'sub/app.conf', 'secret.txt', 'sub/new.conf'])
    writeFileSync(join(outside, path), SECRET);
});
afterAll(() => served.stop());

/** Every entry outside, as it is. */
function snapshot(): string[] {
  return readdirSync(outside, { recursive: true, encoding: 'utf8' })
    .map((name) => {
      const stat = lstatSync(join(outside, name), { bigint: true });
      return `${name} ${stat.ino} ${stat.mode} ${stat.mtimeNs} ${stat.isFile() ? readFileSync(join(outside, name), 'utf8') : ''}`;
    })
    .sort();
}

/** Puts what is made by `make` in the place of `path`, in one step. */
function swap(path: string, make: (at: string) => void): void {
  const fresh = join(tenant, '.swap');
  rmSync(fresh, { recursive: true, force: true });
  make(fresh);
  const at = join(tenant, path);
  try {
    renameSync(fresh, at);
  } catch {
    // A directory is in the way, or the other way round.
    rmSync(at, { recursive: true, force: true });
    renameSync(fresh, at);
  }
}

const SWAPS: (() => void)[] = [
  () => swap('sub', (at) => symlinkSync(join(outside, 'sub'), at)),
  () =>
    swap('sub', (at) => {
      mkdirSync(at);
      writeFileSync(join(at, 'app.conf'), 'theirs\n');
    }),
  () => swap('app.conf', (at) => symlinkSync(join(outside, 'app.conf'), at)),
  () => swap('app.conf', (at) => writeFileSync(at, 'theirs\n')),
];

/** Swaps for as long as requests are answered, and for no more than so many rounds. */
async function race(requests: () => Promise<Answer>[]): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let round = 0; round < ROUNDS; round += 10) {
    let done = false;
    const all = Promise.all(requests()).finally(() => {
      done = true;
    });
    for (let i = 0; !done && i < 400; i++) {
      SWAPS[i % SWAPS.length]?.();
      await breathe();
    }
    answers.push(...(await all));
  }
  return answers;
}

const FILES = {
  'app.conf': 'new\n',
  'sub/app.conf': 'new\n',
  'sub/new.conf': 'new\n',
  'docker-compose.yml': 'services: {}\n',
};

async function expectTight(answers: readonly Answer[], before: string[]): Promise<void> {
  for (const { status, text, error } of answers) {
    expect(text).not.toContain(SECRET.trim());
    expect(text).not.toContain(sha256(SECRET));
    expect(status, text).not.toBe(500);
    if (status !== 200) expect(error?.code).toMatch(/^(PathEscapes|NotWritable|PlanStale|Locked|RecordUnreadable)$/);
  }
  expect(snapshot()).toEqual(before);
  expect((await served.asker.ask({ path: '/healthz' })).status).toBe(200);
}

describe('links that are swapped in during requests', () => {
  it('give nothing from outside away, neither bytes nor hashes', async () => {
    const before = snapshot();
    const answers = await race(() => [
      served.asker.post('/v1/observe', observeBody('acme', Object.keys(FILES))),
      served.asker.post('/v1/instance/acme/files/diff', inspectBody('acme', FILES)),
      served.asker.post('/v1/observe', observeBody('acme', ['sub/app.conf'])),
      served.asker.post('/v1/instance/acme/files/diff', inspectBody('acme', FILES)),
    ]);
    expect(answers.some(({ text }) => text.includes('PathEscapes'))).toBe(true);
    expect(answers.some(({ text }) => text.includes(sha256('theirs\n')) || text.includes('-theirs'))).toBe(true);
    await expectTight(answers, before);
  });

  it('let nothing be written outside', async () => {
    const before = snapshot();
    const found = { 'app.conf': 'theirs\n', 'sub/app.conf': 'theirs\n' };
    const answers = await race(() => {
      rmSync(join(tenant, '.flotilla'), { recursive: true, force: true });
      rmSync(join(tenant, 'docker-compose.yml'), { force: true });
      SWAPS[1]?.();
      SWAPS[3]?.();
      return [served.asker.post('/v1/instance/acme/apply', applyBody('acme', FILES, found))];
    });
    for (const { text } of answers) expect(text).not.toContain('unexpected error');
    expect(answers.some(({ text }) => text.includes('"type":"error"'))).toBe(true);
    await expectTight(answers, before);
  });

  it('in place of the directory of state, or of the instance, lead nowhere', async () => {
    const before = snapshot();
    rmSync(tenant, { recursive: true, force: true });
    mkdirSync(tenant);
    symlinkSync(outside, join(tenant, '.flotilla'));
    const inState = await served.asker.post('/v1/instance/acme/apply', applyBody('acme'));
    expect(inState.text).toMatch(/"type":"error"/);
    rmSync(tenant, { recursive: true });
    symlinkSync(outside, tenant);
    const instead = await served.asker.post('/v1/instance/acme/apply', applyBody('acme'));
    expect(instead.text).toMatch(/"code":"PathEscapes"/);
    await expectTight([inState, instead], before);
  });
});
