import { isUtf8 } from 'node:buffer';
import { createHash, hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { FlotillaError, type Problem } from '../errors.js';
import type { DesiredState } from './desired-state.js';
import type { PlacedFinding } from './finding.js';
import { slugOf } from './manifest-document.js';
import { type LocatedFinding, locateInText, type ReadManifests, readManifests } from './read-manifests.js';
import { resolveManifests } from './resolve.js';
import { codeOf, type Walk, type WalkedFile, walkDirectory } from './walk-directory.js';

export interface LoadOptions {
  /** The directory of manifests: every *.yaml, *.yml and *.json in it, without dotfiles. */
  manifests: string;
  /** The directory of templates: each folder in it that has a template.yaml. */
  templates: string;
  /** What both are relative to; problems name files without it. By default the working directory. */
  root?: string;
  /** From `createManifestCache`, kept from one load to the next: only files that changed are parsed again. */
  cache?: ManifestCache;
}

/** What each manifest file said when it was last read, by the path that problems name. */
export type ManifestCache = Map<string, { digest: string; read: ReadManifests }>;

export function createManifestCache(): ManifestCache {
  return new Map();
}

/**
 * Reads desired state. Whatever is wrong in a manifest is in `problems` of the result; paths in it start with
 * `options.manifests` as given. Throws FlotillaError SourceUnreadable when one of the two directories cannot be read.
 */
export async function loadDesiredState(options: LoadOptions): Promise<DesiredState> {
  const { root = '' } = options;
  const templates = await walkSource(join(root, options.templates), { accepts: (name) => name !== '.git' });
  const walk = await walkManifests(join(root, options.manifests), join(root, options.templates));
  const revision = createHash('sha256');
  const templatesRead = await readFiles(options.templates, templates.files, (path, content) => {
    revision.update(`templates\0${path}\0${hash('sha256', content)}\n`);
  });
  const loaded = createLoaded(options.cache);
  const manifestsRead = await readFiles(options.manifests, walk.files, (path, content) => {
    const digest = hash('sha256', content);
    revision.update(`manifests\0${path}\0${digest}\n`);
    readInto(loaded, join(options.manifests, path), content, digest);
  });
  for (const file of options.cache?.keys() ?? []) if (!loaded.texts.has(file)) options.cache?.delete(file);
  for (const { path } of walk.refused) loaded.unreadable.add(join(options.manifests, path));
  for (const { file } of manifestsRead) loaded.unreadable.add(file);
  const { findings, ...resolution } = resolveManifests({
    ...loaded,
    templates: templateNames(templates),
    base: root || process.cwd(),
  });
  const problems = [
    ...refusals(options.templates, templates.refused, 'TemplateInvalid'),
    ...refusals(options.manifests, walk.refused, 'ManifestInvalid'),
    ...templatesRead,
    ...manifestsRead,
    ...loaded.problems,
    ...locateAll(findings, loaded),
  ];
  return {
    revision: `sha256:${revision.digest('hex')}`,
    ...resolution,
    problems: problems.sort(inFileOrder),
    unreadable: [...loaded.unreadable].sort(),
  };
}

/** Every manifest file below a directory, leaving out the templates where those are inside it. */
export async function walkManifests(manifests: string, templates?: string): Promise<Walk> {
  const except = templates === undefined ? undefined : await realpath(templates).catch(() => undefined);
  return walkSource(manifests, {
    accepts: (name, isDirectory) => !name.startsWith('.') && (isDirectory || /\.(?:ya?ml|json)$/.test(name)),
    ...(except === undefined ? {} : { except }),
  });
}

async function walkSource(directory: string, options: Parameters<typeof walkDirectory>[1]): Promise<Walk> {
  try {
    return await walkDirectory(directory, options);
  } catch (error) {
    throw new FlotillaError('SourceUnreadable', `cannot read the directory ${directory} (${codeOf(error)})`, {
      cause: error,
      hint: 'name another with --manifests or --templates',
    });
  }
}

/** How long reading may keep the event loop to itself. */
const SLICE_MS = 20;

/**
 * Reads files one by one, in order, and lets the event loop turn between slices: for small local files this is several
 * times faster than the thread pool, and it bounds how much is in memory. Gives the files that could not be read.
 */
async function readFiles(
  directory: string,
  files: readonly WalkedFile[],
  use: (path: string, content: Buffer) => void,
): Promise<Problem[]> {
  const problems: Problem[] = [];
  let sliceEnds = performance.now() + SLICE_MS;
  for (const { path, absolute } of files) {
    let content: Buffer | undefined;
    try {
      content = readFileSync(absolute);
    } catch (error) {
      const message = `the file cannot be read (${codeOf(error)})`;
      problems.push({ code: 'SourceUnreadable', message, file: join(directory, path) });
    }
    if (content !== undefined) use(path, content);
    if (performance.now() < sliceEnds) continue;
    await setImmediate();
    sliceEnds = performance.now() + SLICE_MS;
  }
  return problems;
}

interface Loaded {
  documents: ReadManifests['documents'][number][];
  broken: ReadManifests['broken'][number][];
  problems: Problem[];
  texts: Map<string, string>;
  /** Files that may declare instances which nobody can tell. */
  unreadable: Set<string>;
  cache: ManifestCache | undefined;
}

function createLoaded(cache: ManifestCache | undefined): Loaded {
  return { documents: [], broken: [], problems: [], texts: new Map(), unreadable: new Set(), cache };
}

function readInto(loaded: Loaded, file: string, content: Buffer, digest: string): void {
  const text = content.toString('utf8');
  loaded.texts.set(file, text);
  if (!isUtf8(content)) {
    loaded.problems.push({ code: 'ManifestInvalid', message: 'the file is not UTF-8 text', file });
    loaded.unreadable.add(file);
    return;
  }
  if (text.trim() === '') {
    // A save that is under way, or one that a full disk has cut: what stood in it is not removed by that.
    const message = 'the file is empty: expected an Instance, a Fleet or a Host';
    loaded.problems.push({ code: 'ManifestInvalid', message, file, hint: 'remove the file if nothing belongs in it' });
    loaded.unreadable.add(file);
    return;
  }
  const known = loaded.cache?.get(file);
  const read = known?.digest === digest ? known.read : readManifests(file, text);
  loaded.cache?.set(file, { digest, read });
  for (const document of read.documents) loaded.documents.push(document);
  for (const broken of read.broken) {
    loaded.broken.push(broken);
    if (isUnattributable(broken)) loaded.unreadable.add(file);
  }
  for (const problem of read.problems) loaded.problems.push(problem);
}

function isUnattributable({ kind, name, malformed }: ReadManifests['broken'][number]): boolean {
  return malformed || kind === undefined || name === undefined;
}

function locateAll(findings: readonly PlacedFinding[], { texts, documents, broken }: Loaded): Problem[] {
  if (findings.length === 0) return [];
  const slugs = new Map([...documents, ...broken].map((each) => [each.place, slugOf(each)]));
  const byFile = new Map<string, LocatedFinding[]>();
  for (const finding of findings) {
    const { file, index } = finding.place;
    const found = byFile.get(file);
    const located = { index, finding, slug: slugs.get(finding.place) };
    if (found === undefined) byFile.set(file, [located]);
    else found.push(located);
  }
  return [...byFile].flatMap(([file, found]) => locateInText(file, texts.get(file) ?? '', found));
}

function templateNames({ files }: Walk): ReadonlySet<string> {
  return new Set(files.flatMap(({ path }) => /^([^/]+)\/template\.yaml$/.exec(path)?.[1] ?? []));
}

function refusals(directory: string, refused: Walk['refused'], code: Problem['code']): Problem[] {
  return refused.map(({ path, reason }) => ({ code, message: `the path ${reason}`, file: join(directory, path) }));
}

function inFileOrder(a: Problem, b: Problem): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}
