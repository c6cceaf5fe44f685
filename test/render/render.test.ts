import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FlotillaError } from '../../src/errors.js';
import { fileSetDigest } from '../../src/render/digest.js';
import { checkTemplateUse, renderInstance } from '../../src/render/render.js';
import { makeInstance, makeTemplate, problemsOf, renderProblems, show, textOf } from './support.js';

describe('a file set', () => {
  const spec = [
    'compose: docker-compose.yml',
    'files:',
    '  - { path: .env, mode: "0600", unlessRegistered: true }',
    '  - { path: configs/site.yml, ownership: CreateOnly }',
    '  - { path: secret.txt, sensitive: true, mode: "0640" }',
    '  - { path: extra.conf, unlessRegistered: true }',
  ].join('\n');
  const template = makeTemplate(
    {
      'files/.env.mustache': 'SLUG={{slug}}\n',
      'files/configs/site.yml.mustache': 'title: {{slug}}\n',
      'files/secret.txt': 'hidden\n',
      'files/extra.conf': '',
      'files/bin/run.sh': '#!/bin/sh\n',
      'files/raw.bin': Buffer.from([0, 255, 123, 123]),
      'files/Z': 'z',
    },
    spec,
    ['bin/run.sh'],
  );

  it('holds every file with mode, hash, size, sensitivity and ownership, sorted by code unit', () => {
    const { files, released } = renderInstance(template, makeInstance());
    expect(
      files.map(({ path, mode, sensitive, ownership, size }) => [path, mode.toString(8), sensitive, ownership, size]),
    ).toEqual([
      ['.env', '600', true, 'Managed', 10],
      ['Z', '644', false, 'Managed', 1],
      ['bin/run.sh', '755', false, 'Managed', 10],
      ['configs/site.yml', '644', false, 'CreateOnly', 12],
      ['docker-compose.yml', '644', false, 'Managed', 13],
      ['extra.conf', '644', false, 'Managed', 0],
      ['raw.bin', '644', false, 'Managed', 4],
      ['secret.txt', '640', true, 'Managed', 7],
    ]);
    for (const { content, sha256, size } of files) {
      expect(createHash('sha256').update(content).digest('hex')).toBe(sha256);
      expect(content.length).toBe(size);
    }
    expect(released).toEqual([]);
  });

  it('copies files byte for byte', () => {
    const { files } = renderInstance(template, makeInstance());
    expect(files.find(({ path }) => path === 'raw.bin')?.content).toEqual(Buffer.from([0, 255, 123, 123]));
  });

  it('leaves a registered tenant its own files, and always its .env', () => {
    const registered = renderInstance(template, makeInstance({ registered: true }));
    expect(registered.released).toEqual(['.env', 'extra.conf']);
    expect(registered.files.map(({ path }) => path)).toEqual([
      'Z',
      'bin/run.sh',
      'configs/site.yml',
      'docker-compose.yml',
      'raw.bin',
      'secret.txt',
    ]);
    const without = makeTemplate({ 'files/.env.mustache': '{{nobody.looks}}', 'files/{{values.name}}': 'x' });
    const { files, released } = renderInstance(without, makeInstance({ registered: true, values: { name: 'a' } }));
    expect([files.map(({ path }) => path), released]).toEqual([['a', 'docker-compose.yml'], ['.env']]);
    expect(renderInstance(without, makeInstance({ registered: true, values: { name: './.env' } })).released).toEqual([
      '.env',
    ]);
    expect(renderInstance(makeTemplate({}), makeInstance({ registered: true })).released).toEqual(['.env']);
  });

  it('takes the .env for sensitive whatever the template says', () => {
    const open = makeTemplate(
      { 'files/.env': 'A=1' },
      'compose: docker-compose.yml\nfiles: [{ path: .env, sensitive: false }]',
    );
    expect(renderInstance(open, makeInstance()).files[0]).toMatchObject({ path: '.env', sensitive: true });
  });

  it('gives what YAML and JSON files hold, one value a document', () => {
    const parts = makeTemplate({
      'files/docker-compose.yml.mustache': 'name: {{slug}}\nx: &x { a: 1 }\ny: { <<: *x, b: !reset 2 }\n',
      'files/two.yaml.mustache': 'a: {{slug}}\n---\nb: 1\n',
      'files/a.json.mustache': '{ "slug": "{{slug}}" }',
      'files/plain.yml': 'k: v\n',
      'files/empty.yml.mustache': '{{! nothing }}',
      'files/text.conf.mustache': '{{slug}}',
    });
    const { files } = renderInstance(parts, makeInstance());
    expect(Object.fromEntries(files.map(({ path, document }) => [path, document]))).toEqual({
      'a.json': [{ slug: 'acme' }],
      'docker-compose.yml': [{ name: 'acme', x: { a: 1 }, y: { a: 1, b: null } }],
      'empty.yml': [],
      'plain.yml': [{ k: 'v' }],
      'text.conf': undefined,
      'two.yaml': [{ a: 'acme' }, { b: 1 }],
    });
  });
});

describe('the digest of a file set', () => {
  const entry = fc.record({
    path: fc.constantFrom('a', 'b', 'a/b', 'ab'),
    mode: fc.constantFrom(0o644, 0o600, 0o755),
    sha256: fc.constantFrom('00', 'ff', '0f'),
    sensitive: fc.boolean(),
    ownership: fc.constantFrom('Managed' as const, 'CreateOnly' as const),
  });

  it('differs exactly when a path, content, mode, sensitivity or ownership does', () => {
    const set = fc.array(entry, { maxLength: 3 });
    fc.assert(
      fc.property(set, set, fc.nat(), (one, other, size) => {
        const digest = (files: typeof one, each: number) =>
          fileSetDigest(files.map((file) => ({ ...file, size: each })));
        expect(digest(one, 0) === digest(other, size)).toBe(JSON.stringify(one) === JSON.stringify(other));
      }),
      { numRuns: 2000 },
    );
  });

  it('is that of the rendered bytes', () => {
    const text = 'compose: docker-compose.yml\nfiles: [{ path: a, mode: "0600" }]';
    const render = (body: string, spec?: string) =>
      renderInstance(makeTemplate({ 'files/a.mustache': body }, spec), makeInstance()).digest;
    expect(render('{{slug}}')).toBe(render('acme'));
    expect(render('{{slug}}')).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(render('{{slug}}')).not.toBe(render('{{slug}}', text));
    expect(render('{{slug}}')).not.toBe(render('{{host}}'));
  });
});

describe('an instance that does not render', () => {
  const template = makeTemplate(
    { 'files/a.mustache': '{{values.nope}}', 'files/b.mustache': '{{values.domain}} {{imageTga}}' },
    'compose: docker-compose.yml\nvaluesSchema: { type: object, required: [domain, smtp], properties: { smtp: { type: object } } }',
  );

  it('fails with all its problems at once', () => {
    const instance = makeInstance({ values: { smtp: 3 } });
    const problems = [
      'manifests/acme.yaml:1: values: domain is missing (valuesSchema of template shop)',
      'manifests/acme.yaml:1: values at /smtp: must be a map (valuesSchema of template shop)',
      'shop/files/a.mustache:1:1: unknown variable values.nope',
      'shop/files/b.mustache:1:19: unknown variable imageTga [did you mean imageTag?]',
    ];
    expect(renderProblems(template, instance)).toEqual(problems);
    expect(checkTemplateUse(template, instance).map(show)).toEqual(problems);
    expect(problemsOf(template, instance).map(({ slug }) => slug)).toEqual(['acme', 'acme', 'acme', 'acme']);
    const error = catching(() => renderInstance(template, instance));
    expect(error.message).toBe('acme does not render with template shop: 4 problems');
    expect([error.code, error.terminal]).toEqual(['RenderFailed', true]);
  });

  it('is told of every value that does not meet valuesSchema, and quotes none', () => {
    const picky = makeTemplate(
      {},
      [
        'compose: docker-compose.yml',
        'valuesSchema:',
        '  type: object',
        '  additionalProperties: false',
        '  properties:',
        '    domain: { type: string, pattern: "^[a-z]+$", minLength: 3 }',
        '    tier: { enum: [gold, silver] }',
        '    ports: { type: array, items: { type: integer, maximum: 9 } }',
        '    smtp: { type: [object, "null"], required: [host] }',
      ].join('\n'),
    );
    const values = { domian: 'x', domain: 'S3', tier: 's3cret', ports: [1, 's3cret', 99], smtp: {} };
    expect(renderProblems(picky, { values })).toEqual(
      [
        'values at /domian: domian is not known (valuesSchema of template shop) [did you mean domain?]',
        'values at /domain: must NOT have fewer than 3 characters (valuesSchema of template shop)',
        'values at /domain: must match pattern "^[a-z]+$" (valuesSchema of template shop)',
        'values at /tier: must be one of gold, silver (valuesSchema of template shop)',
        'values at /ports/1: must be a whole number (valuesSchema of template shop)',
        'values at /ports/2: must be <= 9 (valuesSchema of template shop)',
        'values at /smtp: host is missing (valuesSchema of template shop)',
      ].map((problem) => `manifests/acme.yaml:1: ${problem}`),
    );
  });

  it('is told where in the template text comes from that does not parse, and reads none of it back', () => {
    const broken = makeTemplate({
      'files/a.yml.mustache': '# {{slug}}\nok: 1\n{{#values.on}}\nk: {{values.text}}\n{{/values.on}}\n  bad: 2\n',
      'files/b.json.mustache': '{ "a": {{values.text}} }',
      'files/c.yml.mustache': 'x:\n  {{> p}}\n',
      'partials/p.mustache': 'a: 1\nb: [\n',
    });
    const values = { on: true, text: 's3cret: x' };
    expect(problemsOf(broken, { values }).map(show)).toEqual([
      'shop/files/a.yml.mustache:4:4: renders to YAML that does not parse (a.yml:3:4): a map or list cannot start on the line of a key',
      'shop/files/b.json.mustache:1:8: renders to JSON that does not parse (b.json:1:8): it is not valid JSON',
      expect.stringMatching(/^shop\/partials\/p\.mustache:3:1: renders to YAML that does not parse \(c\.yml:4:1\)/),
    ]);
    expect(JSON.stringify(problemsOf(broken, { values }))).not.toContain('s3cret');
    expect(checkTemplateUse(broken, makeInstance({ values }))).toEqual([]);
  });

  it.each([
    ['a:\n\tb: {{slug}}\n', 'YAML is indented with spaces, not with tabs'],
    ['a: {{slug}}\na: 2\n', 'this key is there twice'],
    ['a: *nope\n# {{slug}}', 'an alias names no anchor before it, holds itself, or there are too many aliases'],
    ['a: &a [*a]\n# {{slug}}', 'an alias names no anchor before it, holds itself, or there are too many aliases'],
    [`${bomb()}# {{slug}}`, 'an alias names no anchor before it, holds itself, or there are too many aliases'],
    [
      "a: 'x\n# {{slug}}",
      'a character is missing: a quote, a comma, a colon, a bracket, or a space behind a colon or comma',
    ],
    [`a: ${'['.repeat(20_000)}{{slug}}`, 'it is nested too deeply'],
    ['a: @{{slug}}', 'a text without quotes cannot start with this character'],
  ])('is told what is wrong with YAML: %j', (text, fault) => {
    const [problem, ...others] = problemsOf(makeTemplate({ 'files/a.yml.mustache': text }));
    expect(problem?.message.replace(/ \(.*?\)/, '')).toBe(`renders to YAML that does not parse: ${fault}`);
    expect(others).toEqual([]);
  });

  it('does not quote what a tag may hold in a text', () => {
    expect(
      textOf(
        renderInstance(
          makeTemplate({ 'files/a.mustache': '{{values.t}}' }),
          makeInstance({ values: { t: '{{slug}}' } }),
        ),
        'a',
      ),
    ).toBe('{{slug}}');
  });
});

function bomb(): string {
  const levels = ['a: &l0 [x, x, x, x, x, x, x, x, x]'];
  for (let i = 1; i < 12; i++) levels.push(`l${i}: &l${i} [${`*l${i - 1}, `.repeat(9)}]`);
  return `${levels.join('\n')}\n`;
}

function catching(action: () => unknown): FlotillaError {
  try {
    action();
  } catch (error) {
    if (error instanceof FlotillaError) return error;
  }
  throw new Error('nothing was thrown');
}
