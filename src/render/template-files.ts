import type { Problem } from '../errors.js';
import { compileMustache, type Node, type Partials } from './compile-mustache.js';
import { sha256 } from './digest.js';
import type { Ownership } from './file-set.js';
import { parseText } from './parse-rendered.js';
import { clashesOf, normalisePath, pathFault } from './rendered-path.js';
import { newSource, positionAt } from './source-text.js';
import type { Syntax, TemplateContent, TemplateFile } from './template.js';
import type { SourceFile } from './template-source.js';

/** A rule of template.yaml about one file, as it is written. */
export interface FileRule {
  path: string;
  mode?: string;
  sensitive?: boolean;
  ownership?: Ownership;
  unlessRegistered?: boolean;
}

const SUFFIX = '.mustache';

/** Parses the files of a template and applies its rules. Files with problems are left out. */
export function buildTemplateFiles(
  sources: readonly SourceFile[],
  rules: readonly FileRule[],
  partials: Partials,
): { files: TemplateFile[]; problems: Problem[] } {
  const problems: Problem[] = [];
  const byPath = new Map(rules.map((rule) => [normalisePath(rule.path), rule]));
  const files = sources.map((source) => buildFile(source, byPath, partials, problems));
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  const still = files.filter((file) => file.pathNodes === null);
  for (const [path, , fault] of clashesOf(still.map((file) => file.path))) {
    const file = still.findLast((candidate) => candidate.path === path);
    problems.push(invalid(file?.source ?? path, `the path ${JSON.stringify(path)} ${fault}`));
  }
  return { files, problems };
}

function buildFile(
  source: SourceFile,
  rules: ReadonlyMap<string, FileRule>,
  partials: Partials,
  problems: Problem[],
): TemplateFile {
  const isTemplate = source.path.endsWith(SUFFIX);
  const path = isTemplate ? source.path.slice(0, -SUFFIX.length) : source.path;
  const pathNodes = path.includes('{{') ? compilePath(path, source, problems) : null;
  const fault = pathNodes === null ? pathFault(path) : null;
  if (fault !== null) problems.push(invalid(source.source, `the path ${JSON.stringify(path)} ${fault}`));
  const rule = rules.get(path);
  const mode = rule?.mode === undefined ? (source.executable ? 0o755 : 0o644) : Number.parseInt(rule.mode, 8);
  return {
    path,
    pathNodes,
    source: source.source,
    content: isTemplate ? compileContent(source, path, partials, problems) : copyContent(source, path, problems),
    mode,
    sensitive: rule?.sensitive ?? false,
    ownership: rule?.ownership ?? 'Managed',
    unlessRegistered: rule?.unlessRegistered ?? false,
  };
}

/** A file's name may hold variables; its problems are told without a line, for it has none. */
function compilePath(path: string, { source }: SourceFile, problems: Problem[]): readonly Node[] {
  const compiled = compileMustache(source, path, { texts: new Map(), compiled: new Map() });
  for (const { message, hint } of compiled.problems) {
    problems.push(invalid(source, `in the file's name: ${message}`, hint));
  }
  return compiled.nodes;
}

function compileContent(source: SourceFile, path: string, partials: Partials, problems: Problem[]): TemplateContent {
  const text = decode(source.bytes);
  if (text === null) problems.push(invalid(source.source, 'is not UTF-8 text'));
  if (text === null || !text.includes('{{')) return copyContent(source, path, problems);
  const compiled = compileMustache(source.source, text, partials);
  problems.push(...compiled.problems);
  return { kind: 'mustache', nodes: compiled.nodes, syntax: syntaxOf(path), shapes: new Map() };
}

function copyContent({ bytes, source }: SourceFile, path: string, problems: Problem[]): TemplateContent {
  const content = { kind: 'constant' as const, bytes, sha256: sha256(bytes) };
  const syntax = syntaxOf(path);
  const text = syntax && decode(bytes);
  if (syntax === null || text === null) {
    if (syntax) problems.push(invalid(source, 'is not UTF-8 text'));
    return content;
  }
  const parsed = parseText(text, syntax);
  if ('document' in parsed) return { ...content, ...parsed };
  const { message, offset } = parsed.fault;
  const place = offset === undefined ? {} : positionAt(newSource(source, text), offset);
  problems.push({ ...invalid(source, `${syntax.toUpperCase()} that does not parse: ${message}`), ...place });
  return content;
}

function syntaxOf(path: string): Syntax {
  if (/\.ya?ml$/i.test(path)) return 'yaml';
  return /\.json$/i.test(path) ? 'json' : null;
}

function decode(bytes: Buffer): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

function invalid(file: string, message: string, hint?: string): Problem {
  return { code: 'TemplateInvalid', message, file, ...(hint !== undefined && { hint }) };
}
