import { setSuspendInFiles } from '../../manifest/edit-file.js';
import { oneLine } from '../../plan/format-safe.js';
import { createContext, type SharedOptions } from '../context.js';
import { EXIT_DONE } from '../exit-code.js';
import type { Io } from '../io.js';

interface Options extends SharedOptions {
  io: Io;
}

/** `flotilla suspend SLUG...`: edits the manifests of all or of none, and leaves committing to the person. */
export function suspendCommand({ slugs }: { slugs: string[] }, options: Options): Promise<number> {
  return edit(slugs, true, options, 'the daemon leaves what is suspended alone');
}

/** `flotilla resume SLUG...`: the reverse. */
export function resumeCommand({ slugs }: { slugs: string[] }, options: Options): Promise<number> {
  return edit(slugs, false, options, 'flotilla reconcile --dry-run shows what has come together meanwhile');
}

async function edit(slugs: readonly string[], suspend: boolean, options: Options, outlook: string): Promise<number> {
  const { io, paint, errPaint, quiet } = await createContext(options.io, options);
  const { manifests, templates } = options;
  const edits = await setSuspendInFiles({ manifests, templates, slugs, suspend });
  for (const { slug, file, line, changed } of edits) {
    const place = paint.bold(`${oneLine(file)}:${line}`);
    const state = suspend ? 'suspended' : 'not suspended';
    await io.out.write(changed ? `${place}: ${slug} is ${state}\n` : `${place}: ${slug} is ${state} already\n`);
  }
  const changed = edits.some((each) => each.changed);
  if (changed && !quiet) await io.err.write(errPaint.dim(`next: commit the change; ${outlook}\n`));
  return EXIT_DONE;
}
