import { posix } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderInstance } from '../../src/render/render.js';
import { clashesOf, normalisePath, pathFault } from '../../src/render/rendered-path.js';
import { makeInstance, makeTemplate, problemsOf, renderProblems, show, tryTemplate } from './support.js';

const named = makeTemplate({ 'files/conf.d/{{values.name}}.mustache': 'x' });
const free = makeTemplate({ 'files/{{values.name}}': 'x' });

describe('the path of a rendered file', () => {
  it('may hold variables', () => {
    const { files } = renderInstance(named, makeInstance({ values: { name: 'acme.conf' } }));
    expect(files.map((file) => file.path)).toEqual(['conf.d/acme.conf', 'docker-compose.yml']);
  });

  it.each([
    ['../x', '"conf.d/../x", which leads out of the instance'],
    ['../../etc/passwd', '"conf.d/../../etc/passwd", which leads out of the instance'],
    ['a\0b', '"conf.d/a\\u0000b", which holds a NUL'],
    ['a\nb', '"conf.d/a\\nb", which holds a control character'],
    ['a\x7fb', '"conf.d/a\x7fb", which holds a control character'],
    ['a\\b', '"conf.d/a\\\\b", which holds a backslash'],
    ['', '"conf.d/", which names a directory'],
    ['x/', '"conf.d/x/", which names a directory'],
    ['\ud800', '"conf.d/\\ud800", which holds a control character'],
    ['é'.repeat(128), `"conf.d/${'é'.repeat(93)}...", which holds a name of more than 255 bytes`],
    [`${'a/'.repeat(520)}x`, `"conf.d/${'a/'.repeat(46)}a...", which is longer than 1024 bytes`],
  ])('must stay inside the instance and be sane: %j', (name, problem) => {
    expect(renderProblems(named, { values: { name } })).toEqual([
      `shop/files/conf.d/{{values.name}}.mustache: renders to the path ${problem}`,
    ]);
  });

  it.each([
    ['/etc/passwd', '"/etc/passwd", which is absolute'],
    ['..', '"..", which leads out of the instance'],
    ['.', '".", which names a directory'],
    ['./.', '"./.", which names a directory'],
    ['', '"", which is empty'],
    ['.flotilla/lock', `".flotilla/lock", which lies in .flotilla/, which is Flotilla's own`],
    ['.flotilla', `".flotilla", which lies in .flotilla/, which is Flotilla's own`],
    ['./.Flotilla//x', `"./.Flotilla//x", which lies in .flotilla/, which is Flotilla's own`],
    ['docker-compose.yml', '"docker-compose.yml", which is rendered twice'],
    ['./docker-compose.yml', '"docker-compose.yml", which is rendered twice'],
    ['Docker-Compose.yml', `"Docker-Compose.yml", which differs from docker-compose.yml only in its letters' case`],
    ['docker-compose.yml/x', '"docker-compose.yml/x", which needs a directory where docker-compose.yml is a file'],
  ])('is refused at the top, too: %j', (name, problem) => {
    expect(renderProblems(free, { values: { name } })).toEqual([
      `shop/files/{{values.name}}: renders to the path ${problem}`,
    ]);
  });

  it("is refused where the tenant's own compose file belongs", () => {
    const template = makeTemplate(
      { 'files/{{values.name}}': 'x' },
      'compose: docker-compose.yml\ntenantCompose: [docker-compose.override.yml]',
    );
    expect(renderProblems(template, { values: { name: 'docker-compose.override.yml' } })).toEqual([
      'shop/files/{{values.name}}: renders to the path "docker-compose.override.yml", ' +
        "which is a compose file of the tenant's own, which is never written",
    ]);
  });

  it('is the name of an unknown variable, too', () => {
    expect(problemsOf(free).map(show)).toEqual(['shop/files/{{values.name}}:1:1: unknown variable values.name']);
  });

  it('that is wrong in every instance is a problem of the template', () => {
    const folder = {
      'files/a\\b': '',
      'files/.flotilla/x': '',
      'files/c': '',
      'files/C.mustache': '',
      'files/.mustache': '',
    };
    expect(tryTemplate(folder).problems.map(show)).toEqual([
      'shop/files/a\\b: the path "a\\\\b" holds a backslash',
      `shop/files/.flotilla/x: the path ".flotilla/x" lies in .flotilla/, which is Flotilla's own`,
      'shop/files/.mustache: the path "" is empty',
      `shop/files/c: the path "c" differs from C only in its letters' case`,
    ]);
  });
});

const nasty = fc
  .array(
    fc.oneof(
      fc.constantFrom('..', '.', '', '/', '//', '\\', '\0', '.flotilla', 'a', 'A', ' ', '~', '%2e%2e', '\u2024'),
      fc.string(),
    ),
    {
      maxLength: 6,
    },
  )
  .chain((parts) => fc.constantFrom('/', '').map((glue) => parts.join(glue)));

describe('path confinement', () => {
  it('lets no name out of the instance, and changes none that it lets pass', () => {
    let passed = 0;
    fc.assert(
      fc.property(nasty, (path) => {
        if (pathFault(path) !== null) return;
        passed++;
        const normal = normalisePath(path);
        expect(normal).toBe(posix.normalize(path));
        expect(posix.resolve('/tenants/acme', path)).toBe(`/tenants/acme/${normal}`);
        expect(normal).not.toMatch(/^\.flotilla(?:\/|$)/i);
        expect(normal).not.toMatch(/[\0\\]/);
        expect(Buffer.from(normal).toString()).toBe(normal);
      }),
      { numRuns: 5000 },
    );
    expect(passed).toBeGreaterThan(300);
  });

  it('finds every pair of paths that cannot both be files', () => {
    const path = fc
      .array(fc.constantFrom('a', 'A', 'b', 'é', 'e\u0301'), { minLength: 1, maxLength: 3 })
      .map((parts) => parts.join('/'));
    fc.assert(
      fc.property(fc.array(path, { maxLength: 6 }), (paths) => {
        const folded = paths.map((each) => each.normalize('NFC').toLowerCase());
        const clash = folded.some((one, i) =>
          folded.some((other, j) => i !== j && (one === other || other.startsWith(`${one}/`))),
        );
        expect(clashesOf(paths).length > 0).toBe(clash);
      }),
    );
  });
});
