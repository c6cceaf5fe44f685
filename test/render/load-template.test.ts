import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FlotillaError } from '../../src/errors.js';
import { loadTemplate, loadTemplates } from '../../src/render/load-template.js';
import { renderInstance } from '../../src/render/render.js';
import { makeInstance, show } from './support.js';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'templates-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function write(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
}

function yaml(name: string): string {
  return `apiVersion: flotilla.dev/v1\nkind: Template\nmetadata: { name: ${name} }\nspec: { compose: compose.yml }\n`;
}

async function problems(): Promise<string[]> {
  const store = await loadTemplates(dir);
  return store.problems.map((problem) => show(problem).replaceAll(`${dir}/`, ''));
}

describe('loading templates', () => {
  it('reads files, partials and executable bits', async () => {
    write({
      'shop/template.yaml': yaml('shop'),
      'shop/files/compose.yml.mustache': 'name: {{slug}}\n{{> sub/net}}',
      'shop/files/bin/run': '#!/bin/sh\n',
      'shop/files/.hidden/.env.example': 'A=1',
      'shop/partials/sub/net.mustache': 'networks: {}\n',
      'README.md': 'not a template',
      '.git/config': '',
    });
    chmodSync(join(dir, 'shop/files/bin/run'), 0o700);
    const store = await loadTemplates(dir);
    expect([store.names, store.problems]).toEqual([['shop'], []]);
    const template = await loadTemplate(dir, 'shop');
    expect(template.digest).toBe(store.get('shop')?.digest);
    const { files } = renderInstance(template, makeInstance());
    expect(files.map(({ path, mode, content }) => [path, mode.toString(8), `${content}`])).toEqual([
      ['.hidden/.env.example', '644', 'A=1'],
      ['bin/run', '755', '#!/bin/sh\n'],
      ['compose.yml', '644', 'name: acme\nnetworks: {}\n'],
    ]);
  });

  it('tells of a bad template and loads the others', async () => {
    write({
      'good/template.yaml': yaml('good'),
      'good/files/compose.yml': '',
      'bad/template.yaml': `${yaml('bda')}x: 1\n`,
      'bad/files/compose.yml': '',
      'empty/files/compose.yml': '',
      'misnamed/template.yaml': yaml('misnaemd'),
      'misnamed/files/compose.yml': '',
      'part/template.yaml': yaml('part'),
      'part/files/compose.yml': '',
      'part/partials/x.txt': '',
    });
    const store = await loadTemplates(dir);
    expect(store.names).toEqual(['bad', 'empty', 'good', 'misnamed', 'part']);
    expect(store.names.map((name) => store.get(name)?.name)).toEqual([
      undefined,
      undefined,
      'good',
      undefined,
      undefined,
    ]);
    expect(await problems()).toEqual([
      expect.stringContaining('bad/template.yaml:5:1: unknown field "x" in the document'),
      'empty/template.yaml: there is no such file or folder',
      'misnamed/template.yaml:3:19: a template is named as its folder, misnamed [did you mean misnamed?]',
      'part/partials/x.txt: a partial is a file named NAME.mustache',
    ]);
  });

  it('refuses links that lead out of the template, to folders, and to nothing; a link inside is a file', async () => {
    write({
      'a/template.yaml': yaml('a'),
      'a/files/compose.yml': '',
      'a/files/real.txt': 'real',
      'b/secret.txt': 's3cret',
      'b/template.yaml': yaml('b'),
      'b/files/compose.yml': '',
    });
    const link = (target: string, name: string) => symlinkSync(target, join(dir, 'a/files', name));
    link('real.txt', 'inside.txt');
    expect(renderInstance(await loadTemplate(dir, 'a'), makeInstance()).files.map(({ path }) => path)).toEqual([
      'compose.yml',
      'inside.txt',
      'real.txt',
    ]);
    link('../../b/secret.txt', 'out.txt');
    link('/etc/hostname', 'absolute.txt');
    link('nowhere', 'dangling.txt');
    link('loop', 'loop');
    link('../../b', 'folder');
    link('../files', 'inner');
    expect(await problems()).toEqual([
      'a/files/absolute.txt: is a link that leads out of the template',
      'a/files/dangling.txt: there is no such file or folder',
      'a/files/folder: is a link that leads out of the template',
      'a/files/inner: is a link to a folder',
      'a/files/loop: its links go round in a circle',
      'a/files/out.txt: is a link that leads out of the template',
    ]);
  });

  it('fails by name: with the nearest one, and with all problems of the one it is', async () => {
    write({ 'shop/template.yaml': yaml('shop') });
    const missing = await failure(loadTemplate(dir, 'shpo'));
    expect([missing.code, missing.message, missing.hint]).toEqual([
      'TemplateNotFound',
      'there is no template "shpo"',
      'did you mean shop?',
    ]);
    const invalid = await failure(loadTemplate(dir, 'shop'));
    expect([invalid.code, invalid.message, invalid.problems.map(({ message }) => message)]).toEqual([
      'TemplateInvalid',
      'template shop has a problem',
      ['no file of the template is compose.yml'],
    ]);
    const unreadable = await failure(loadTemplates(join(dir, 'nowhere')));
    expect([unreadable.code, unreadable.message.replace(dir, '')]).toEqual([
      'SourceUnreadable',
      'cannot read the templates in /nowhere: there is no such file or folder',
    ]);
  });
});

async function failure(promise: Promise<unknown>): Promise<FlotillaError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof FlotillaError) return error;
  throw new Error('it did not fail as expected');
}
