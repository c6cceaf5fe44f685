import { setImageTagInFiles } from '../../manifest/edit-file.js';
import { oneLine } from '../../plan/format-safe.js';
import { createContext, type SharedOptions } from '../context.js';
import { EXIT_DONE } from '../exit-code.js';
import type { Io } from '../io.js';

interface Options extends SharedOptions {
  io: Io;
}

/** `flotilla set-image SLUG TAG`: edits the manifest, and leaves committing to the person. */
export async function setImageCommand({ slug, tag }: { slug: string; tag: string }, options: Options): Promise<number> {
  const { io, paint, errPaint, quiet } = await createContext(options.io, options);
  const { manifests, templates } = options;
  const { file, line, previous } = await setImageTagInFiles({ manifests, templates, slug, tag });
  const place = paint.bold(`${oneLine(file)}:${line}`);
  if (previous === tag) {
    await io.out.write(`${place}: ${slug} has imageTag ${tag} already\n`);
    return EXIT_DONE;
  }
  await io.out.write(`${place}: ${slug} imageTag ${previous ?? "(its fleet's)"} -> ${tag}\n`);
  if (!quiet) await io.err.write(errPaint.dim('next: flotilla reconcile --dry-run, then commit the file\n'));
  return EXIT_DONE;
}
