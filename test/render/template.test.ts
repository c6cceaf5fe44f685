import { describe, expect, it } from 'vitest';
import { makeTemplate, show, tryTemplate } from './support.js';

function faults(folder: Parameters<typeof tryTemplate>[0], spec?: string): string[] {
  return tryTemplate(folder, spec).problems.map((problem) => show(problem).replace('shop/template.yaml:', ''));
}

describe('a template', () => {
  it('fills in what template.yaml leaves out', () => {
    const { name, spec, digest } = makeTemplate({});
    expect({ name, compose: spec.compose, tenant: spec.tenantCompose, onChange: spec.onChange }).toEqual({
      name: 'shop',
      compose: ['docker-compose.yml'],
      tenant: [],
      onChange: [],
    });
    expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  it('has another digest when anything in it is another', () => {
    const spec = 'compose: docker-compose.yml';
    const digests = [
      makeTemplate({ 'files/a': 'x' }, spec, []),
      makeTemplate({ 'files/a': 'y' }, spec, []),
      makeTemplate({ 'files/b': 'x' }, spec, []),
      makeTemplate({ 'files/a': 'x' }, spec, ['a']),
      makeTemplate({ 'files/a': 'x', 'partials/p.mustache': '' }, spec, []),
      makeTemplate({ 'files/a': 'x' }, `${spec}\nfiles: [{ path: a, mode: "0600" }]`, []),
    ].map(({ digest }) => digest);
    expect(new Set(digests).size).toBe(digests.length);
    expect(makeTemplate({ 'files/a': 'x' }).digest).toBe(digests[0]);
  });
});

describe('template.yaml', () => {
  it('is checked by its schema, with places', () => {
    expect(faults({}, 'compose: docker-compose.yml\nfiels: []')).toEqual([
      '6:3: unknown field "fiels" in spec [did you mean files?]',
    ]);
    expect(faults({}, 'compose: docker-compose.yml\nfiles: [{ path: .env, mode: 0600 }]')).toEqual([
      '6:31: spec.files[0].mode: expected permission bits as octal digits in quotes, such as "0600", found a number [put it in quotes: "0600"]',
    ]);
  });

  it('may not name files that the template does not have', () => {
    const spec = [
      'compose: [docker-compose.yml, compose.jobs.yml]',
      'files:',
      '  - { path: nginx.cnf, mode: "0600" }',
      'onChange:',
      '  - { path: conf, service: web, action: Restart }',
      '  - { path: nginx, service: web, action: Restart }',
    ].join('\n');
    expect(faults({ 'files/docker-compose.yml': '', 'files/nginx.conf': '', 'files/nginx/a': '' }, spec)).toEqual([
      '7:15: no file of the template is nginx.cnf [did you mean nginx.conf?]',
      '5:33: no file of the template is compose.jobs.yml',
      '9:15: no file of the template is conf, or lies under it',
    ]);
  });

  it('may have one rule for a file', () => {
    expect(
      faults({ 'files/a': '' }, 'compose: docker-compose.yml\nfiles: [{ path: a }, { path: a, mode: "0600" }]'),
    ).toEqual(['6:32: there are two rules for a']);
  });

  it('may not give the compose file away', () => {
    expect(
      faults({}, 'compose: docker-compose.yml\nfiles: [{ path: docker-compose.yml, ownership: CreateOnly }]'),
    ).toEqual([
      "5:12: the compose file docker-compose.yml must be ours: neither CreateOnly nor unlessRegistered [list the tenant's own compose files under tenantCompose]",
    ]);
    expect(faults({ 'files/{{slug}}.yml': '' }, 'compose: "{{slug}}.yml"')).toEqual([
      "5:12: a compose file's name cannot hold tags: {{slug}}.yml",
    ]);
  });

  it("may not have a file where the tenant's own compose file belongs", () => {
    expect(faults({ 'files/over.yml': '' }, 'compose: docker-compose.yml\ntenantCompose: [over.yml]')).toEqual([
      "6:19: over.yml is the tenant's own, and the template has a file there [remove it from tenantCompose, or files/over.yml from the template]",
    ]);
  });

  it('holds a valuesSchema that is a JSON Schema', () => {
    expect(faults({}, 'compose: docker-compose.yml\nvaluesSchema: { type: objekt }')).toEqual([
      expect.stringContaining(
        '6:17: valuesSchema: schema is invalid: data/type must be equal to one of the allowed values',
      ),
    ]);
    expect(faults({}, 'compose: docker-compose.yml\nvaluesSchema: { type: object, propertees: {} }')).toEqual([
      '6:17: valuesSchema: strict mode: unknown keyword: "propertees"',
    ]);
  });
});

describe('a file that is copied', () => {
  it('must parse where its name says that it is YAML or JSON', () => {
    expect(
      faults({ 'files/a.yaml': 'a: b: c\n', 'files/b.json': '{"a": 1,}', 'files/c.yml': Buffer.from([0xff]) }),
    ).toEqual([
      'shop/files/a.yaml:1:4: YAML that does not parse: a map or list cannot start on the line of a key',
      'shop/files/b.json:1:9: JSON that does not parse: it is not valid JSON',
      'shop/files/c.yml: is not UTF-8 text',
    ]);
  });

  it('may hold anything otherwise', () => {
    expect(makeTemplate({ 'files/a.bin': Buffer.from([0xff, 0, 0x7b, 0x7b]) }).files.map(({ path }) => path)).toEqual([
      'a.bin',
      'docker-compose.yml',
    ]);
    expect(faults({ 'files/a.bin.mustache': Buffer.from([0xff]) })).toEqual([
      'shop/files/a.bin.mustache: is not UTF-8 text',
    ]);
  });
});
