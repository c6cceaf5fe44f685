import { isUtf8 } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { chmod, chown, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FlotillaError } from '../errors.js';
import { clearSuspend, type ManifestEdit, mayDeclare, setImageTag, setInstanceField } from './edit.js';
import { walkManifests } from './load.js';
import { nearestName } from './nearest.js';
import { readManifests } from './read-manifests.js';
import { codeOf } from './walk-directory.js';

interface Place {
  /** The directory of manifests. */
  manifests: string;
  /** Left out when it lies inside the directory of manifests. */
  templates?: string;
}

/** Which file was changed, and how; `text` is its new content. */
export interface FileEdit extends ManifestEdit {
  slug: string;
  file: string;
  /** Whether the instance says anything else than before. */
  changed: boolean;
}

/**
 * Finds the manifest of an instance and gives it another imageTag (see `setImageTag`). The file is replaced in one step
 * and keeps its mode; it is not written when nothing changes. Throws FlotillaError InstanceNotFound, ManifestInvalid
 * (also when several files declare the instance), UsageInvalid, SourceUnreadable or NotWritable.
 */
export async function setImageTagInFiles(options: Place & { slug: string; tag: string }): Promise<FileEdit> {
  const { slug, tag } = options;
  const [edit] = await editInstances(await readFiles(options), [slug], (text) => setImageTag(text, slug, tag));
  if (edit === undefined) throw new FlotillaError('Internal', 'one instance gives one edit');
  return edit;
}

/**
 * Suspends instances or takes that back, in the order given: all, or none where one of them cannot be edited. An instance
 * of a fleet that is suspended says itself that it is not. Throws as `setImageTagInFiles`.
 */
export async function setSuspendInFiles(
  options: Place & { slugs: readonly string[]; suspend: boolean },
): Promise<FileEdit[]> {
  const { suspend } = options;
  const [files, slugs] = [await readFiles(options), [...new Set(options.slugs)]];
  const inSuspendedFleet = suspend ? new Set<string>() : findInSuspendedFleets(files);
  return editInstances(files, slugs, (text, slug) =>
    suspend || inSuspendedFleet.has(slug) ? setInstanceField(text, slug, 'suspend', suspend) : clearSuspend(text, slug),
  );
}

interface ManifestFile {
  absolute: string;
  /** As messages name it. */
  shown: string;
  /** What is on the disk. */
  before: string;
  /** With the edits so far. */
  text: string;
}

async function readFiles({ manifests, templates }: Place): Promise<ManifestFile[]> {
  const { files } = await walkManifests(manifests, templates);
  const read: ManifestFile[] = [];
  for (const { absolute, path } of files) {
    const shown = join(manifests, path);
    const before = await readText(absolute, shown);
    read.push({ absolute, shown, before, text: before });
  }
  return read;
}

/** Makes every edit in memory first; then writes each file that is other than before. */
async function editInstances(
  files: readonly ManifestFile[],
  slugs: readonly string[],
  edit: (text: string, slug: string) => ManifestEdit,
): Promise<FileEdit[]> {
  const edits: FileEdit[] = [];
  for (const slug of slugs) {
    const { file, made } = findEdit(files, slug, edit);
    const moved = countLines(made.text) - countLines(file.text);
    for (const other of edits) if (other.file === file.shown && other.line >= made.line) other.line += moved;
    edits.push({ slug, file: file.shown, changed: made.text !== file.text, ...made });
    file.text = made.text;
  }
  for (const { absolute, before, text, shown } of files) {
    if (text !== before) await replaceFile(absolute, before, text, shown);
  }
  return edits;
}

function findEdit(
  files: readonly ManifestFile[],
  slug: string,
  edit: (text: string, slug: string) => ManifestEdit,
): { file: ManifestFile; made: ManifestEdit } {
  const found: { file: ManifestFile; made: ManifestEdit }[] = [];
  for (const file of files) {
    const made = mayDeclare(file.text, slug) ? ifDeclared(() => edit(file.text, slug)) : undefined;
    if (made !== undefined) found.push({ file, made });
  }
  const [first, second] = found;
  if (first === undefined) throw notFound(slug, files);
  if (second === undefined) return first;
  const message = `instance ${slug} is declared more than once: in ${first.file.shown} and ${second.file.shown}`;
  throw new FlotillaError('ManifestInvalid', message, { hint: 'keep one of them' });
}

function countLines(text: string): number {
  return text.split('\n').length;
}

/** Slugs of instances whose fleet says that they are suspended. */
function findInSuspendedFleets(files: readonly ManifestFile[]): Set<string> {
  const documents = files.flatMap(({ shown, before }) => readManifests(shown, before).documents);
  const fleets = new Set(
    documents.flatMap(({ kind, name, manifest }) => (kind === 'Fleet' && manifest.spec.suspend ? [name] : [])),
  );
  return new Set(
    documents.flatMap(({ kind, name, manifest }) =>
      kind === 'Instance' && manifest.spec.fleet !== undefined && fleets.has(manifest.spec.fleet) ? [name] : [],
    ),
  );
}

/**
 * Replaces a file by way of a temporary one beside it, with the same mode and, where that is allowed, the same owner.
 * Refuses when the file no longer holds `before`.
 */
async function replaceFile(path: string, before: string, after: string, shown: string): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const { mode, uid, gid } = await stat(path);
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(after);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await chown(temporary, uid, gid).catch(() => undefined);
    await chmod(temporary, mode & 0o7777);
    if ((await readFile(path, 'utf8')) !== before) {
      throw new FlotillaError('SourceUnreadable', `${shown} was changed by somebody else just now`, {
        hint: 'try again',
      });
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    if (error instanceof FlotillaError) throw error;
    const code = codeOf(error) === 'ENOSPC' ? 'DiskFull' : 'NotWritable';
    throw new FlotillaError(code, `cannot write ${shown} (${codeOf(error)})`, { cause: error });
  }
}

async function readText(path: string, shown: string): Promise<string> {
  let content: Buffer;
  try {
    content = await readFile(path);
  } catch (error) {
    throw new FlotillaError('SourceUnreadable', `cannot read ${shown} (${codeOf(error)})`, { cause: error });
  }
  // what is not UTF-8 would not be written back as it was; such a file declares nothing
  return isUtf8(content) ? content.toString('utf8') : '';
}

function ifDeclared(edit: () => ManifestEdit): ManifestEdit | undefined {
  try {
    return edit();
  } catch (error) {
    if (error instanceof FlotillaError && error.code === 'InstanceNotFound') return undefined;
    throw error;
  }
}

function notFound(slug: string, files: readonly ManifestFile[]): FlotillaError {
  const known = files.flatMap(({ shown, before }) =>
    readManifests(shown, before).documents.flatMap(({ kind, name }) => (kind === 'Instance' ? [name] : [])),
  );
  const nearest = nearestName(slug, known);
  const hint = nearest === undefined ? 'flotilla get instances lists them' : `did you mean ${nearest}?`;
  return new FlotillaError('InstanceNotFound', `no manifest declares instance ${slug}`, { hint });
}
