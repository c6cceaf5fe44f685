import type { WatchConfig } from '../../config/watch-config.js';
import { fullRef } from '../../source/git/git-names.js';

/** Whether a push may have moved what is followed. One that does not say what it moved may have, and so may any for directories. Pure. */
export function mayConcern(source: WatchConfig['source'], pushed: string | null): boolean {
  return source.kind === 'directory' || pushed === null || pushed === fullRef(source.ref);
}
