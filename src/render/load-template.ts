import { lstat, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { FlotillaError, type Problem } from '../errors.js';
import { nearestName } from '../manifest/nearest.js';
import { buildTemplate } from './build-template.js';
import type { Template, TemplateStore } from './template.js';
import type { SourceFile, TemplateSource } from './template-source.js';

/**
 * Reads every template of a directory: each folder in it whose name does not start with a dot. A bad one is told in the
 * store's `problems` and does not hide the others. Problems name files without `root`, which `dir` is relative to; by
 * default that is the working directory.
 *
 * @throws FlotillaError SourceUnreadable when the directory itself cannot be read
 */
export async function loadTemplates(dir: string, { root = '' } = {}): Promise<TemplateStore> {
  const names = await listTemplates(join(root, dir));
  const read = new Map<string, ReadTemplate>();
  for (const name of names) read.set(name, await readTemplate(dir, name, root));
  return {
    get: (name) => read.get(name)?.template,
    use: (name) => useTemplate(dir, names, name, read.get(name)),
    names,
    problems: [...read.values()].flatMap(({ problems }) => problems),
  };
}

/**
 * Reads one template.
 *
 * @throws FlotillaError TemplateNotFound with the nearest name; TemplateInvalid with all its problems; SourceUnreadable
 */
export async function loadTemplate(dir: string, name: string): Promise<Template> {
  const names = await listTemplates(dir);
  return useTemplate(dir, names, name, names.includes(name) ? await readTemplate(dir, name) : undefined);
}

/** What reading a template gave; `template` is undefined when it has problems. */
interface ReadTemplate {
  template: Template | undefined;
  problems: readonly Problem[];
}

function useTemplate(dir: string, names: readonly string[], name: string, read: ReadTemplate | undefined): Template {
  if (read === undefined) {
    const near = nearestName(name, names);
    const hint = near === undefined ? `templates are the folders of ${dir}` : `did you mean ${near}?`;
    throw new FlotillaError('TemplateNotFound', `there is no template "${name}"`, { hint });
  }
  const { template, problems } = read;
  if (template) return template;
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  throw new FlotillaError('TemplateInvalid', `template ${name} has ${count}`, { problems });
}

async function listTemplates(dir: string): Promise<string[]> {
  try {
    const entries = await readdir(dir, { withFileTypes: true });
    const visible = entries.filter((entry) => !entry.name.startsWith('.'));
    const folders = await Promise.all(
      visible.map(
        async (entry) => entry.isDirectory() || (entry.isSymbolicLink() && (await isFolder(dir, entry.name))),
      ),
    );
    return visible.flatMap((entry, i) => (folders[i] ? [entry.name] : [])).sort();
  } catch (cause) {
    throw new FlotillaError('SourceUnreadable', `cannot read the templates in ${dir}: ${reasonOf(cause)}`, { cause });
  }
}

async function isFolder(dir: string, name: string): Promise<boolean> {
  return stat(join(dir, name)).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

async function readTemplate(dir: string, name: string, base = ''): Promise<ReadTemplate> {
  const folder = join(dir, name);
  const problems: Problem[] = [];
  try {
    const reading: Reading = { base, root: await realpath(join(base, folder)), problems, bytes: 0 };
    const manifest = await readMember(join(folder, 'template.yaml'), reading);
    const files = await readTree(join(folder, 'files'), reading);
    const partials = await readPartials(join(folder, 'partials'), reading);
    if (!manifest) return { template: undefined, problems };
    const file = join(folder, 'template.yaml');
    const source: TemplateSource = { name, manifest: { file, text: manifest.bytes.toString() }, files, partials };
    const built = buildTemplate(source);
    problems.push(...built.problems);
    return { template: problems.length === 0 ? built.template : undefined, problems };
  } catch (cause) {
    problems.push({ code: 'TemplateInvalid', message: `cannot be read: ${reasonOf(cause)}`, file: folder });
    return { template: undefined, problems };
  }
}

interface Reading {
  /** What the names of files are relative to; empty for the working directory. */
  base: string;
  /** The real path of the template's folder: nothing outside it is read. */
  root: string;
  problems: Problem[];
  bytes: number;
}

/** All of a template is kept in memory. */
const MOST_BYTES = 64 * 1024 * 1024;

async function readPartials(folder: string, reading: Reading): Promise<TemplateSource['partials']> {
  const partials = new Map<string, { file: string; text: string }>();
  for (const { path, source, bytes } of await readTree(folder, reading)) {
    if (path.endsWith('.mustache'))
      partials.set(path.slice(0, -'.mustache'.length), { file: source, text: `${bytes}` });
    else reading.problems.push(invalid(source, 'a partial is a file named NAME.mustache'));
  }
  return partials;
}

/** Every file under a folder, sorted by path; none when there is no such folder. */
async function readTree(folder: string, reading: Reading): Promise<SourceFile[]> {
  const files: SourceFile[] = [];
  const pending = [''];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for (const entry of await listFolder(join(reading.base, folder, at))) {
      const path = at === '' ? entry.name : `${at}/${entry.name}`;
      if (entry.isDirectory()) {
        pending.push(path);
        continue;
      }
      const file = await readMember(join(folder, path), reading);
      if (file) files.push({ path, ...file });
    }
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function listFolder(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** A regular file inside the template, or a link to one. What is anything else is a problem. */
async function readMember(file: string, reading: Reading): Promise<Omit<SourceFile, 'path'> | undefined> {
  const refuse = (message: string) => {
    reading.problems.push(invalid(file, message));
    return undefined;
  };
  try {
    const path = join(reading.base, file);
    const isLink = (await lstat(path)).isSymbolicLink();
    const target = await realpath(path);
    if (relative(reading.root, target).split(sep)[0] === '..')
      return refuse('is a link that leads out of the template');
    const found = await stat(target);
    if (found.isDirectory()) return refuse(isLink ? 'is a link to a folder' : 'is a folder');
    if (!found.isFile()) return refuse('is no regular file');
    reading.bytes += found.size;
    if (reading.bytes > MOST_BYTES) return refuse(`the template holds more than ${MOST_BYTES / 1024 / 1024} MiB`);
    return { source: file, bytes: await readFile(target), executable: (found.mode & 0o100) !== 0 };
  } catch (error) {
    return refuse(reasonOf(error));
  }
}

function invalid(file: string, message: string): Problem {
  return { code: 'TemplateInvalid', message, file };
}

function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (code === 'ENOENT') return 'there is no such file or folder';
  if (code === 'EACCES' || code === 'EPERM') return 'no permission to read it';
  if (code === 'ELOOP') return 'its links go round in a circle';
  return typeof code === 'string' ? code : 'it cannot be read';
}
