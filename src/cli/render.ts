import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FlotillaError } from '../errors.js';
import { nearestName } from '../manifest/nearest.js';
import { formatMode } from '../plan/format-operation.js';
import type { Paint } from '../plan/format-text.js';
import type { FileSet, RenderedFile } from '../render/file-set.js';
import { renderInstance } from '../render/render.js';
import { createContext, type SharedOptions } from './context.js';
import { EXIT_DONE } from './exit-code.js';
import { findInstance } from './find-instance.js';
import { loadFleet } from './fleet.js';
import type { Io } from './io.js';

interface Options extends SharedOptions {
  io: Io;
  output?: string;
  file?: string;
  showSensitive?: boolean;
}

/** `flotilla render SLUG`: the file set, without asking a host. */
export async function renderCommand({ slug }: { slug: string }, options: Options): Promise<number> {
  const context = await createContext(options.io, options);
  const { desired, templates } = await loadFleet(options);
  const instance = findInstance(desired, slug);
  const fileSet = renderInstance(templates.use(instance.template), instance);
  const { out, err } = context.io;
  if (options.output !== undefined) {
    await writeFileSet(fileSet, options.output);
    await out.write(fileSet.files.map((file) => `${join(options.output ?? '', file.path)}\n`).join(''));
  } else if (options.file !== undefined) {
    await out.write(contentOf(findFile(fileSet, options.file), options));
  } else {
    for (const file of fileSet.files)
      await out.write(Buffer.concat([Buffer.from(headOf(file, context.paint)), contentOf(file, options), endOf(file)]));
    if (!context.quiet && fileSet.released.length > 0)
      await err.write(`left to the tenant: ${fileSet.released.join(', ')}\n`);
  }
  return EXIT_DONE;
}

function headOf({ path, mode, sensitive, ownership, size }: RenderedFile, paint: Paint): string {
  const remarks = [
    formatMode(mode),
    `${size} bytes`,
    ...(ownership === 'CreateOnly' ? ['only if absent'] : []),
    ...(sensitive ? ['sensitive'] : []),
  ];
  return `${paint.bold(`# ${path}`)} ${paint.dim(`(${remarks.join(', ')})`)}\n`;
}

function contentOf(file: RenderedFile, { showSensitive }: Options): Buffer {
  if (!file.sensitive || showSensitive) return file.content;
  return Buffer.from('(sensitive: --show-sensitive prints it)\n');
}

function endOf({ content, sensitive }: RenderedFile): Buffer {
  return Buffer.from(sensitive || content.at(-1) === 0x0a || content.length === 0 ? '\n' : '\n\n');
}

function findFile({ files }: FileSet, path: string): RenderedFile {
  const found = files.find((file) => file.path === path);
  if (found) return found;
  const near = nearestName(
    path,
    files.map((file) => file.path),
  );
  throw new FlotillaError(
    'UsageInvalid',
    `no file "${path}" is rendered`,
    near ? { hint: `did you mean "${near}"?` } : {},
  );
}

/** Paths of a file set stay below the directory: rendering has refused any other. */
async function writeFileSet({ files }: FileSet, directory: string): Promise<void> {
  for (const { path, content, mode } of files) {
    const target = join(directory, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, content, { mode });
  }
}
