import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { describeReload } from '../../src/config/describe-reload.js';
import { resolveUrl } from '../../src/config/git-url.js';
import { parseHeaders } from '../../src/config/parse-headers.js';
import { parseRetention } from '../../src/config/retention.js';
import type { WatchConfig } from '../../src/config/watch-config.js';
import { watchConfigSchema } from '../../src/config/watch-config-schema.js';

describe('the schema of the configuration', () => {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });

  test('is valid JSON Schema 2020-12', () => {
    expect(ajv.validateSchema(watchConfigSchema)).toBe(true);
  });

  test('describes every field, with examples that the field admits', () => {
    interface Field {
      description?: string;
      examples?: readonly unknown[];
      default?: unknown;
      properties?: Record<string, Field>;
      items?: Field;
    }
    const check = (field: Field, path: string) => {
      for (const [name, child] of Object.entries(field.properties ?? {})) {
        const at = `${path}.${name}`;
        expect(child.description, at).toMatch(/^[A-Za-z].*\.$/);
        expect(child.examples?.length, at).toBeGreaterThan(0);
        const samples = [...(child.examples ?? []), ...(child.default === undefined ? [] : [child.default])];
        for (const sample of samples)
          expect(ajv.validate(child, sample), `${at}: ${JSON.stringify(sample)}`).toBe(true);
        check(child, at);
        if (child.items !== undefined) check(child.items, `${at}[]`);
      }
    };
    check(watchConfigSchema as unknown as Field, 'WatchConfig');
  });
});

describe('parseRetention', () => {
  it('adds days to a duration', () => {
    const part = fc.option(fc.integer({ min: 0, max: 99_999 }), { nil: undefined });
    fc.assert(
      fc.property(part, part, part, (days, hours, minutes) => {
        const text = [
          days === undefined ? '' : `${days}d`,
          hours === undefined ? '' : `${hours}h`,
          minutes === undefined ? '' : `${minutes}m`,
        ].join('');
        const wanted = ((days ?? 0) * 24 * 60 + (hours ?? 0) * 60 + (minutes ?? 0)) * 60_000;
        expect(parseRetention(text)).toBe(text === '' ? undefined : wanted);
      }),
    );
  });

  it.each(['', '90', 'd', '1h1d', '90d ', '1.5d', '-1d', '90D'])('takes no %j', (text) => {
    expect(parseRetention(text)).toBeUndefined();
  });
});

describe('resolveUrl', () => {
  it.each([
    ['fleet.git', '/etc/flotilla/fleet.git'],
    ['../fleet', '/etc/fleet'],
    ['/srv/fleet:1', '/srv/fleet:1'],
    ['./a:b', '/etc/flotilla/a:b'],
    ['https://git.example.org/a.git', 'https://git.example.org/a.git'],
    ['ssh://git@git.example.org:2222/a.git', 'ssh://git@git.example.org:2222/a.git'],
    ['file:///srv/fleet', 'file:///srv/fleet'],
    ['git.example.org:ops/a.git', 'git.example.org:ops/a.git'],
    ['git@[::1]:a.git', 'git@[::1]:a.git'],
  ])('%s', (url, resolved) => {
    expect(resolveUrl(url, '/etc/flotilla')).toBe(resolved);
  });
});

describe('parseHeaders', () => {
  it('reads back what was written', () => {
    const name = fc.stringMatching(/^[A-Za-z][A-Za-z-]{0,10}$/);
    const value = fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/);
    fc.assert(
      fc.property(fc.dictionary(name, value, { noNullPrototype: true }), (headers) => {
        const text = Object.entries(headers).map(([key, content]) => `${key}: ${content}\n`);
        expect(parseHeaders(`# headers\n${text.join('\n')}`)).toEqual({ headers });
      }),
    );
  });

  it.each([
    ['no colon', 1],
    ['A: b\nB b: c', 2],
    ['A: b\n\n: c', 3],
    ['A: b\u0000', 1],
  ])('%j', (text, line) => {
    expect(parseHeaders(text)).toEqual({ line });
  });
});

describe('describeReload', () => {
  const config: WatchConfig = {
    source: { kind: 'directory', manifests: '/m', templates: '/t' },
    state: '/s',
    pki: '/p',
    listen: '127.0.0.1:7480',
    concurrency: { total: 32, perHost: 4 },
    resync: { cron: '* * * * *', timeZone: 'UTC', jitterMs: 0 },
    shrinkTo: 0.5,
    retentionMs: 1,
    webhooks: [{ provider: 'github', secret: 'hunter2' }],
    notifications: [],
    logLevel: 'info',
  };

  it('says nothing of what is as it was', () => {
    expect(describeReload(config, structuredClone(config))).toEqual({ applied: [], needsRestart: [] });
  });

  it('tells what is applied from what needs a restart, without values', () => {
    const after: WatchConfig = {
      ...config,
      source: { ...config.source, templates: '/other' } as WatchConfig['source'],
      listen: null,
      concurrency: { total: 32, perHost: 8 },
      webhooks: [{ provider: 'github', secret: 'hunter3' }],
      logLevel: 'debug',
    };
    expect(describeReload(config, after)).toEqual({
      applied: ['concurrency', 'webhooks', 'log.level'],
      needsRestart: ['source', 'listen'],
    });
  });

  it.each(Object.keys(config) as (keyof WatchConfig)[])('notices another %s', (name) => {
    const { applied, needsRestart } = describeReload(config, { ...config, [name]: 'other' });
    expect([...applied, ...needsRestart]).toHaveLength(1);
  });
});
