import { randomUUID } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROUTES, type Route } from '../../../src/wire/messages.js';
import { type Answer, sendRaw } from '../../support/raw-http.js';
import { applyBody, inspectBody, observeBody, refBody, rollbackBody } from './bodies.js';
import { type Served, serve } from './serve.js';

/** Nothing that a request names leads out of an instance, or into what is Flotilla's own. */
const SECRET = 'c4nary-outside';
let served: Served;
let before: string[];
beforeAll(async () => {
  served = await serve();
  mkdirSync(join(served.root, 'acme/.flotilla'), { recursive: true });
  mkdirSync(join(served.directory, 'outside'));
  writeFileSync(join(served.directory, 'outside/secret.txt'), SECRET);
  writeFileSync(join(served.root, 'acme/app.conf'), 'old\n');
  writeFileSync(join(served.root, 'acme/.flotilla/state'), SECRET);
  symlinkSync('../../outside', join(served.root, 'acme/out'));
  symlinkSync('../outside', join(served.root, 'escape'));
  before = snapshot();
});
afterAll(() => served.stop());

function snapshot(): string[] {
  return ['root', 'outside'].flatMap((top) =>
    readdirSync(join(served.directory, top), { recursive: true, encoding: 'utf8' })
      .map((name) => join(served.directory, top, name))
      .map((path) => {
        const stat = lstatSync(path, { bigint: true });
        return `${path} ${stat.ino} ${stat.mtimeNs} ${stat.isFile() ? readFileSync(path, 'utf8') : ''}`;
      })
      .sort(),
  );
}

async function expectNothingDone(answers: readonly Answer[]): Promise<void> {
  for (const { text } of answers) expect(text).not.toContain(SECRET);
  expect(snapshot()).toEqual(before);
  expect((await served.asker.ask({ path: ROUTES.health.path })).status).toBe(200);
}

const TRICKS = [
  '..',
  '.',
  '../outside',
  '../../outside',
  'acme/..',
  'acme/../../outside',
  '/etc',
  '//etc',
  'acme//x',
  'acme/',
  '\\etc',
  '..\\outside',
  'acme\0',
  '\0',
  'acme\n',
  'acme\r\nx: y',
  '.flotilla',
  '.FLOTILLA',
  '.FlotIlla',
  'acme/.flotilla',
  'acme/.Flotilla/state',
  ' ',
  '-rf',
  'ACME',
  'a'.repeat(64),
  'a'.repeat(5000),
  'ａｃｍｅ',
  'acme\u200b',
  'аcme',
  '．．',
  '․․/outside',
  '..\u2215outside',
  '%2e%2e',
  '$(id)',
  'a;id',
];

/** As somebody might write it who hopes that it is decoded once, twice, or not at all. */
const SPELLINGS: ((text: string) => string)[] = [
  encodeURIComponent,
  (text) => encodeURIComponent(encodeURIComponent(text)),
  (text) => [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
];

const bodyOf: Partial<Record<string, () => unknown>> = {
  [ROUTES.inspect.path]: () => inspectBody('acme'),
  [ROUTES.apply.path]: () => applyBody('acme'),
  [ROUTES.generations.path]: () => refBody('acme'),
  [ROUTES.rollback.path]: () => rollbackBody('acme'),
};
const OF_INSTANCES: Route[] = Object.values(ROUTES).filter(({ path }) => path.includes(':slug'));

function asks({ method, path }: Route, at: string) {
  const body = bodyOf[path]?.();
  return {
    method,
    path: at,
    ...(body !== undefined && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  };
}

function expectRefused(answer: Answer, what: string): void {
  expect(answer.status, what).toBeGreaterThanOrEqual(400);
  expect(answer.status, what).toBeLessThan(500);
  expect(answer.error?.code, what).toMatch(/^(RequestInvalid|RequestTooLarge|RouteNotFound|ApplyNotFound)$/);
}

describe('the name of an instance in a path', () => {
  for (const route of OF_INSTANCES) {
    it(`is refused unless it is one: ${route.method} ${route.path}`, async () => {
      const answers = await Promise.all(
        TRICKS.flatMap((trick) => SPELLINGS.map((spell) => spell(trick))).map(async (slug) => {
          const answer = await served.asker.ask(
            asks(route, route.path.replace(':slug', slug).replace(':applyId', randomUUID())),
          );
          expectRefused(answer, slug);
          return answer;
        }),
      );
      await expectNothingDone(answers);
    });
  }

  it('is refused as bytes that no address may have', async () => {
    const answers: Answer[] = [];
    for (const slug of [
      '..',
      '../../outside',
      '/etc',
      '..\\outside',
      'acme\0',
      '.flotilla',
      'ａｃｍｅ',
      '%',
      '%zz',
      '%c0%ae%c0%ae',
      'a'.repeat(20_000),
    ]) {
      const body = JSON.stringify(refBody('acme'));
      const path = ROUTES.generations.path.replace(':slug', slug);
      const head = `POST ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json\r\n`;
      const answer = await sendRaw(served.caller, `${head}content-length: ${body.length}\r\n\r\n${body}`);
      expectRefused(answer, JSON.stringify(slug.slice(0, 40)));
      answers.push(answer);
    }
    await expectNothingDone(answers);
  });

  it('is refused in any mixture of tricks', async () => {
    const part = fc.constantFrom(
      '..',
      '.',
      '/',
      '%2f',
      '%5c',
      '\\',
      '%00',
      '%2e',
      '.flotilla',
      '%2Eflotilla',
      'acme',
      '%25',
      ';',
      '*',
      '%',
      '%ff',
      '~',
    );
    const slugs = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(''));
    const route = fc.constantFrom(...OF_INSTANCES);
    await fc.assert(
      fc.asyncProperty(slugs, route, async (slug, one) => {
        fc.pre(slug !== 'acme');
        const path = one.path.replace(':slug', slug).replace(':applyId', randomUUID());
        const answer = await served.asker.ask(asks(one, path));
        expectRefused(answer, path);
        expect(answer.text).not.toContain(SECRET);
      }),
      { numRuns: 300 },
    );
    await expectNothingDone([]);
  });
});

/** Puts the trick wherever a body names an instance or a path. `.` separates, a number is an index. */
const FIELDS: [route: Route, body: () => object, fields: string[]][] = [
  [ROUTES.generations, () => refBody('acme'), ['slug', 'project', 'directory']],
  [ROUTES.rollback, () => rollbackBody('acme'), ['slug', 'project', 'directory']],
  [
    ROUTES.inspect,
    () => inspectBody('acme'),
    [
      ...['slug', 'project', 'directory', 'files.0.path', 'compose.0', 'onChange.0.path', 'released.0'].map(
        (field) => `tenant.${field}`,
      ),
    ],
  ],
  [
    ROUTES.apply,
    () => applyBody('acme'),
    [
      ...['slug', 'project', 'directory', 'fileSet.0.path', 'compose.0', 'files.0.path', 'operations.0.path'].map(
        (field) => `plan.${field}`,
      ),
      'plan.basis.files.0.path',
    ],
  ],
];

/** A path may hold what a name may not: these are plain file names. */
const PLAIN = new Set([
  ' ',
  '-rf',
  'ACME',
  'a'.repeat(64),
  'ａｃｍｅ',
  'acme\u200b',
  'аcme',
  '．．',
  '․․/outside',
  '..\u2215outside',
  '%2e%2e',
  '$(id)',
  'a;id',
]);

describe('a path in a body', () => {
  for (const [route, body, fields] of FIELDS) {
    for (const field of fields) {
      it(`is refused unless it is a plain one: ${field} of ${route.path}`, async () => {
        const plain = field.endsWith('slug') || field.endsWith('project') ? [] : PLAIN;
        const tricks = TRICKS.filter((trick) => !new Set(plain).has(trick) && !isProject(field, trick));
        const answers = await Promise.all(
          tricks.map(async (trick) => {
            const answer = await served.asker.post(route.path.replace(':slug', 'acme'), replaced(body(), field, trick));
            expect(`${answer.status} ${answer.error?.code}`, JSON.stringify(trick.slice(0, 80))).toMatch(
              /^400 RequestInvalid$/,
            );
            return answer;
          }),
        );
        await expectNothingDone(answers);
      });
    }
  }

  it('is an error of its own instance in an observation of many', async () => {
    const good = observeBody('acme').requests[0]!;
    for (const trick of TRICKS.filter((one) => !PLAIN.has(one))) {
      for (const bad of [
        { ...good, directory: trick },
        { ...good, paths: [trick] },
      ]) {
        const answer = await served.asker.post(ROUTES.observe.path, { containers: false, requests: [good, bad] });
        expect(answer.text).not.toContain(SECRET);
        if (answer.status === 400) {
          expect(answer.error?.code, trick).toBe('RequestInvalid');
          continue;
        }
        const { tenants } = JSON.parse(answer.text) as {
          tenants: { observed: { error: unknown; files: unknown[] } }[];
        };
        expect(tenants[0]?.observed, trick).toMatchObject({ error: null, files: [{ path: 'app.conf' }] });
        expect(tenants[1]?.observed, trick).toMatchObject({ error: { code: 'PathEscapes' }, files: [] });
      }
    }
    await expectNothingDone([]);
  });

  it('leads through no link out of the root or the instance', async () => {
    const links = { ...refBody('acme'), directory: 'escape' };
    const answers = [
      await served.asker.post('/v1/instance/acme/generations', links),
      await served.asker.post(
        '/v1/instance/acme/files/diff',
        inspectBody('acme', { 'out/secret.txt': 'x', 'docker-compose.yml': 'services: {}\n' }),
      ),
    ];
    for (const answer of answers) expect(answer).toMatchObject({ status: 400, error: { code: 'PathEscapes' } });
    await expectNothingDone(answers);
  });

  it('that a compose file names gives away no name from outside of the instance', async () => {
    writeFileSync(join(served.directory, 'outside/vars.env'), `${SECRET.replace('-', '_')}=1\n`);
    before = snapshot();
    const compose =
      'services:\n  web:\n    image: x\n    env_file: [../../outside/vars.env, out/vars.env, ../acme/out/vars.env]\n';
    const files = { 'docker-compose.yml': `${compose}include: [../../outside/secret.txt]\n` };
    const answer = await served.asker.post('/v1/instance/acme/files/diff', inspectBody('acme', files));
    expect(answer.status).toBe(200);
    expect(answer.text).not.toContain('c4nary_outside');
    await expectNothingDone([answer]);
  });

  it('of another instance than the route is refused', async () => {
    for (const [route, body] of FIELDS) {
      const answer = await served.asker.post(route.path.replace(':slug', 'other'), body());
      expect(answer).toMatchObject({
        status: 400,
        error: { code: 'RequestInvalid', message: 'the route and the body name different instances' },
      });
    }
    await expectNothingDone([]);
  });
});

function replaced(body: object, field: string, value: string): object {
  const keys = field.split('.');
  const last = keys.pop() as string;
  let at = body as Record<string, unknown>;
  for (const key of keys) at = at[key] as Record<string, unknown>;
  at[last] = value;
  return body;
}

/** A project may have more letters than a slug, and is no path. */
function isProject(field: string, trick: string): boolean {
  return field.endsWith('project') && trick === 'a'.repeat(64);
}
