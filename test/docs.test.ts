import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { generatePages } from '../scripts/generate-docs.js';
import { buildProgram } from '../src/cli/program.js';
import { validateWatchConfig } from '../src/config/validate-watch-config.js';
import { KIND_SCHEMAS, type ManifestKind } from '../src/manifest/schema.js';
import { validateManifest } from '../src/manifest/validate.js';

const ROOT = resolve(import.meta.dirname, '..');
const PAGES = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', ...markdownFilesIn('docs')];

describe('the documentation', () => {
  it.each(generatePages())('has $path as it is generated', ({ committed, generated }) => {
    expect(committed).toBe(generated);
  });

  it('ships the schemas as they are generated', () => {
    execFileSync(process.execPath, ['--import', 'tsx', 'scripts/generate-schemas.ts', '--check'], { cwd: ROOT });
  });

  it.each(PAGES)('has only links that lead somewhere in %s', (page) => {
    expect(linksOf(read(page)).filter((link) => !leadsSomewhere(page, link))).toEqual([]);
  });

  it.each(PAGES)('names only files of the source that there are in %s', (page) => {
    const named = [...read(page).matchAll(/`((?:src|test|scripts|schemas)\/[\w./-]+)`/g)].map(
      (match) => match[1] ?? '',
    );
    expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it.each(PAGES)('shows only manifests and configurations that are valid in %s', (page) => {
    const findings = blocksOf(read(page), 'yaml').flatMap((text) =>
      parseAllDocuments(text).flatMap((document) => findingsOf(document.toJS())),
    );
    expect(findings).toEqual([]);
  });

  it.each(PAGES)('names only commands and options that there are in %s', (page) => {
    expect(commandLinesOf(read(page)).flatMap(unknownWords)).toEqual([]);
  });
});

function read(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8');
}

function findingsOf(value: unknown) {
  const isConfig = (value as { kind?: unknown } | null)?.kind === 'WatchConfig';
  return isConfig ? validateWatchConfig(value) : validateManifest(value, Object.keys(KIND_SCHEMAS) as ManifestKind[]);
}

function markdownFilesIn(directory: string): string[] {
  return readdirSync(join(ROOT, directory), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `${directory}/${name}`)
    .sort();
}

/** Targets of links and pictures, but for those to other sites. */
function linksOf(text: string): string[] {
  const prose = text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => match[1] ?? '')
    .filter((link) => !/^[a-z]+:/.test(link));
}

function leadsSomewhere(page: string, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : relative(ROOT, resolve(ROOT, dirname(page), path));
  if (!existsSync(join(ROOT, target))) return false;
  return anchor === undefined || anchorsOf(read(target)).includes(anchor);
}

/** As GitHub makes them of headings. */
function anchorsOf(text: string): string[] {
  const headings = text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-'),
  );
}

function blocksOf(text: string, language: string): string[] {
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```/gm)]
    .filter((match) => match[1] === language)
    .map((match) => match[2] ?? '');
}

/** Lines of shell examples, and code in prose, that run flotilla. */
function commandLinesOf(text: string): string[] {
  const lines = blocksOf(text, 'sh').flatMap((block) => block.split('\n'));
  const inline = [...text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/`(flotilla [^`\n]+)`/g)].map(
    (match) => match[1] ?? '',
  );
  return [...lines, ...inline].filter((line) => line.startsWith('flotilla '));
}

const PROGRAM = buildProgram('0.0.0', async () => undefined);

function unknownWords(line: string): string[] {
  const [, name = '', ...words] = line.split(/[|>]/)[0]?.trim().split(/\s+/) ?? [];
  if (name.startsWith('-') || name === 'COMMAND') return [];
  let command = PROGRAM.commands.find((each) => each.name() === name);
  if (!command) return [line];
  while (command.commands.length > 0 && words[0] !== undefined) {
    const word = words.shift();
    command = command.commands.find((each) => each.name() === word);
    if (!command) return [line];
  }
  const known = command.options.flatMap(({ long, short }) => [long, short]);
  return words
    .filter((word) => word.startsWith('-') && word !== '--help' && !known.includes(word))
    .map((word) => `${line}: ${word}`);
}
