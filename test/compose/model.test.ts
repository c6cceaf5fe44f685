import { describe, expect, it } from 'vitest';
import { parseComposeModel } from '../../src/compose/model.js';

const model = (services: unknown, rest: object = {}, options = {}) =>
  parseComposeModel(JSON.stringify({ services, ...rest }), { directory: '/srv/acme', ...options }).services;

describe('parseComposeModel', () => {
  it('reads paths below the shadow directory, and no others, as below the real one', () => {
    const volumes = ['/srv/acme/.flotilla/stage/conf', '/srv/acme/.flotilla/stage2/x', '/srv/acme/.flotilla/stage'].map(
      (source) => ({ type: 'bind', source, target: '/t' }),
    );
    const shadow = { shadow: '/srv/acme/.flotilla/stage' };
    const { web } = model({ web: { image: 'x', volumes } }, {}, shadow);
    expect(web?.mounts).toEqual(['/srv/acme', '/srv/acme/.flotilla/stage2/x', '/srv/acme/conf']);
    const real = volumes.map((volume, i) => ({ ...volume, source: ['/srv/acme/conf', volume.source, '/srv/acme'][i] }));
    expect(model({ web: { image: 'x', volumes: real } }).web?.definition).toBe(web?.definition);
  });

  it('gives equal definitions whatever the order of keys', () => {
    const a = model({ web: { image: 'x', environment: { A: '1', B: '2' } } }).web;
    const b = model({ web: { environment: { B: '2', A: '1' }, image: 'x' } }).web;
    expect(a?.definition).toBe(b?.definition);
  });

  it('leaves dependencies and profiles out of the definition for versions whose hash does', () => {
    const definition = (service: object, composeVersion?: string) =>
      model({ web: { image: 'x', ...service } }, {}, { composeVersion }).web?.definition;
    const depends = { depends_on: { db: {} } };
    expect(definition(depends, '2.29.2')).not.toBe(definition({}, '2.29.2'));
    expect(definition(depends, '2.29.3')).toBe(definition({}, '2.29.3'));
    expect(definition(depends, 'v5.0.1')).toBe(definition({}, 'v5.0.1'));
    expect(definition({ profiles: ['p'] }, '2.30.1')).not.toBe(definition({}, '2.30.1'));
    expect(definition({ profiles: ['p'] }, '2.30.2')).toBe(definition({}, '2.30.2'));
    expect(definition(depends)).not.toBe(definition({}));
  });

  it('covers inline contents and the values of variables that are used, and only those', () => {
    const inline = (rest: object, environment?: ReadonlyMap<string, string>) =>
      model({ web: { configs: [{ source: 'c' }], secrets: [{ source: 's' }] } }, rest, { environment }).web?.inline;
    const base = inline({ configs: { c: { content: '1' } } });
    expect(inline({ configs: { c: { content: '2' } } })).not.toBe(base);
    expect(inline({ configs: { c: { content: '1' }, other: { content: '3' } } })).toBe(base);
    const secret = { secrets: { s: { environment: 'S' } } };
    expect(inline(secret, new Map([['S', '1']]))).not.toBe(inline(secret, new Map([['S', '2']])));
  });

  it('takes names that objects inherit, and a __proto__, for ordinary services', () => {
    const services = parseComposeModel('{"services":{"constructor":{"image":"a"},"__proto__":{"image":"b"}}}', {
      directory: '/srv/acme',
    }).services;
    expect(Object.entries(services).map(([name, { image }]) => [name, image])).toEqual([
      ['constructor', 'a'],
      ['__proto__', 'b'],
    ]);
    expect(Object.keys(model({}))).toEqual([]);
    expect(model({}).toString).toBeUndefined();
  });

  it.each(['', 'null', '[]', '{"services": s3cret'])('refuses %j without quoting it', (text) => {
    expect(() => parseComposeModel(text, { directory: '/srv/acme' })).toThrow(
      /^the configuration that compose printed is not a JSON object$/,
    );
  });
});
