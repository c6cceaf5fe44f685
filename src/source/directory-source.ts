import { isDeepStrictEqual } from 'node:util';
import { FlotillaError } from '../errors.js';
import { createManifestCache } from '../manifest/load.js';
import { type LoadedState, loadSnapshot } from './load-snapshot.js';
import type { Snapshot, Source } from './source.js';
import { watchDirectories } from './watch-directories.js';

export interface DirectorySourceOptions {
  manifests: string;
  templates: string;
}

/** Desired state that is kept in two directories of this machine. Nobody is known as its author. */
export function createDirectorySource({ manifests, templates }: DirectorySourceOptions): Source {
  const cache = createManifestCache();
  let last: Snapshot | undefined;
  return {
    name: manifests,
    async read({ signal }) {
      throwIfCancelled(signal);
      const loaded = await loadSnapshot({ manifests, templates, cache });
      throwIfCancelled(signal);
      if (last === undefined || !isSame(last, loaded)) {
        last = { revision: loaded.desired.revision, author: null, ...loaded };
      }
      return last;
    },
    readAt: async () => null,
    watch: ({ onChange, signal }) => watchDirectories([manifests, templates], { onSave: onChange, signal }),
  };
}

/** The revision covers what files hold; not that one cannot be read, nor the mode of a template's file. */
function isSame(a: LoadedState, b: LoadedState): boolean {
  return (
    a.desired.revision === b.desired.revision &&
    isDeepStrictEqual(a.desired.problems, b.desired.problems) &&
    isDeepStrictEqual(digestsOf(a), digestsOf(b))
  );
}

function digestsOf({ templates }: LoadedState): (string | undefined)[] {
  return templates.names.map((name) => templates.get(name)?.digest);
}

function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw new FlotillaError('Cancelled', 'cancelled', { cause: signal.reason });
}
