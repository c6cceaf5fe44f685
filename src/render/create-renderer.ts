import type { DesiredInstance } from '../manifest/desired-state.js';
import { sha256 } from './digest.js';
import type { FileSet } from './file-set.js';
import { renderView } from './render.js';
import type { Template } from './template.js';
import { buildView, type View } from './view.js';

export interface Renderer {
  /** As `renderInstance`; the same object as before for a template and view it remembers. */
  render(template: Template, instance: DesiredInstance): FileSet;
}

/**
 * A renderer that remembers results by the digest of (template, view), for a process that renders the same fleet again and
 * again. The least recently used are forgotten beyond `maxBytes` (32 MiB) of rendered content. Failures are not remembered.
 */
export function createRenderer({ maxBytes = 32 * 1024 * 1024 }: { maxBytes?: number } = {}): Renderer {
  /** Least recently used first. */
  const known = new Map<string, { fileSet: FileSet; bytes: number }>();
  /** The sum of `bytes` over `known`. */
  let held = 0;

  function remember(key: string, fileSet: FileSet): void {
    const bytes = weigh(fileSet);
    known.set(key, { fileSet, bytes });
    held += bytes;
    for (const [oldest, entry] of known) {
      if (held <= maxBytes) break;
      known.delete(oldest);
      held -= entry.bytes;
    }
  }

  return {
    render(template, instance) {
      const view = buildView(instance);
      const key = viewKey(template, view);
      const found = known.get(key);
      if (found) {
        known.delete(key);
        known.set(key, found);
        return found.fileSet;
      }
      const fileSet = renderView(template, instance, view);
      remember(key, fileSet);
      return fileSet;
    },
  };
}

function viewKey(template: Template, view: View): string {
  return sha256(`${template.digest}\n${JSON.stringify(view)}`);
}

/** A parsed document takes several times the memory of its text; an entry of its own takes some, too. */
function weigh({ files }: FileSet): number {
  return files.reduce((sum, { size, document }) => sum + size * (document ? 6 : 1) + 512, 512);
}
