import { setImmediate } from 'node:timers/promises';
import { createDebounce } from './debounce.js';
import { createDirectoryWatches } from './directory-watches.js';
import { findDirectories } from './find-directories.js';

/** A save by an editor, or a checkout of many files, is one change: it has ended once nothing was written for so long. */
const QUIET_MS = 100;
/** Writing that never pauses is told all the same. */
const LONGEST_WAIT_MS = 1_000;
/** How often a directory that is not there is looked for. */
const MISSING_POLL_MS = 2_000;
/** How often it is worth reading again when the kernel allows no more watches. */
const LIMITED_POLL_MS = 10_000;

export interface WatchOptions {
  onSave: () => void;
  signal: AbortSignal;
}

/**
 * Tells of saves below directories, each once it is whole, until `signal` ends it. It tells nothing of what was saved:
 * whoever hears it reads everything again. Directories are watched, not files: one watch each, so that ten thousand
 * manifests cost as much as one. A directory that is replaced, or goes and comes back, is followed by its name. Nothing
 * is thrown: where watching fails, `onSave` is called every so often.
 *
 * @returns once everything there is watched, so that no later save is missed
 */
export async function watchDirectories(
  directories: readonly string[],
  { onSave, signal }: WatchOptions,
): Promise<void> {
  if (signal.aborted) return;
  const watches = createDirectoryWatches({ onChange: () => debounce.touch() });
  let poll: NodeJS.Timeout | undefined;
  /** One look after the other: an older one must not undo a newer one. */
  let arming: Promise<boolean> = Promise.resolve(false);

  /** Watches what is there now. Whether that is other directories than before. */
  const arm = () => (arming = arming.then(armNow));

  async function armNow(): Promise<boolean> {
    const found = await findDirectories(directories);
    if (signal.aborted) return false;
    const changed = await watches.arm(found.watched);
    if (signal.aborted) {
      watches.close();
      return false;
    }
    clearTimeout(poll);
    if (watches.limited) poll = setTimeout(() => debounce.touch(), LIMITED_POLL_MS);
    else if (found.missing) poll = setTimeout(() => void lookAgain(), MISSING_POLL_MS);
    poll?.unref();
    return changed;
  }

  async function lookAgain(): Promise<void> {
    if (await arm()) debounce.touch();
  }

  const debounce = createDebounce({
    quietMs: QUIET_MS,
    longestMs: LONGEST_WAIT_MS,
    async run() {
      // First, so that what is made in a new directory meanwhile is either read now or told later.
      await arm();
      if (!signal.aborted) onSave();
    },
  });

  const stop = () => {
    clearTimeout(poll);
    debounce.stop();
    watches.close();
  };
  signal.addEventListener('abort', stop, { once: true });
  // What is made while the first look is under way is seen by the second.
  while (await arm()) await setImmediate();
}
