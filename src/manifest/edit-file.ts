import { isUtf8 } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { chmod, chown, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FlotillaError } from '../errors.js';
import { type ManifestEdit, mayDeclare, setImageTag } from './edit.js';
import { walkManifests } from './load.js';
import { nearestName } from './nearest.js';
import { readManifests } from './read-manifests.js';
import { codeOf, type WalkedFile } from './walk-directory.js';

export interface SetImageTagOptions {
  /** The directory of manifests. */
  manifests: string;
  /** Left out when it lies inside the directory of manifests. */
  templates?: string;
  slug: string;
  tag: string;
}

/** Which file was changed, and how; `text` is its new content. */
export interface FileEdit extends ManifestEdit {
  file: string;
}

/**
 * Finds the manifest of an instance and gives it another imageTag (see `setImageTag`). The file is replaced in one step
 * and keeps its mode; it is not written when nothing changes. Throws FlotillaError InstanceNotFound, ManifestInvalid
 * (also when several files declare the instance), UsageInvalid, SourceUnreadable or NotWritable.
 */
export async function setImageTagInFiles(options: SetImageTagOptions): Promise<FileEdit> {
  const { manifests, slug, tag } = options;
  const { files } = await walkManifests(manifests, options.templates);
  const found: { file: WalkedFile; before: string; edit: ManifestEdit }[] = [];
  for (const file of files) {
    const before = await readText(file.absolute, join(manifests, file.path));
    const edit = mayDeclare(before, slug) ? editIfDeclared(before, slug, tag) : undefined;
    if (edit !== undefined) found.push({ file, before, edit });
  }
  const [first, second] = found;
  if (first === undefined) throw await notFound(slug, manifests, files);
  const file = join(manifests, first.file.path);
  if (second !== undefined) {
    const message = `instance ${slug} is declared more than once: in ${file} and ${join(manifests, second.file.path)}`;
    throw new FlotillaError('ManifestInvalid', message, { hint: 'keep one of them' });
  }
  if (first.edit.text !== first.before) await replaceFile(first.file.absolute, first.before, first.edit.text, file);
  return { file, ...first.edit };
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

function editIfDeclared(text: string, slug: string, tag: string): ManifestEdit | undefined {
  try {
    return setImageTag(text, slug, tag);
  } catch (error) {
    if (error instanceof FlotillaError && error.code === 'InstanceNotFound') return undefined;
    throw error;
  }
}

async function notFound(slug: string, manifests: string, files: readonly WalkedFile[]): Promise<FlotillaError> {
  const known: string[] = [];
  for (const { absolute, path } of files) {
    const { documents } = readManifests(path, await readText(absolute, join(manifests, path)));
    for (const { kind, name } of documents) if (kind === 'Instance') known.push(name);
  }
  const nearest = nearestName(slug, known);
  const hint = nearest === undefined ? 'flotilla get instances lists them' : `did you mean ${nearest}?`;
  return new FlotillaError('InstanceNotFound', `instance ${slug} is not declared in ${manifests}`, { hint });
}
