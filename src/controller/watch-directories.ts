import { watch } from 'chokidar';

/** A save by an editor, or a checkout of many files, is one change: it has ended once nothing was written for so long. */
const QUIET_MS = 150;

/**
 * Tells of saves below directories, each once it is whole, until `signal` ends it. It tells nothing of what was saved:
 * whoever hears it reads everything again.
 *
 * @returns once everything there is watched, so that no later save is missed
 */
export async function watchDirectories(
  directories: readonly string[],
  { onSave, signal }: { onSave: () => void; signal: AbortSignal },
): Promise<void> {
  const watcher = watch([...directories], {
    ignoreInitial: true,
    atomic: true,
    ignored: (path) => /(?:^|\/)\.git(?:\/|$)/.test(path),
  });
  let quiet: NodeJS.Timeout | undefined;
  watcher.on('all', () => {
    clearTimeout(quiet);
    quiet = setTimeout(onSave, QUIET_MS);
  });
  signal.addEventListener(
    'abort',
    () => {
      clearTimeout(quiet);
      void watcher.close();
    },
    { once: true },
  );
  await new Promise<void>((resolve, reject) => {
    watcher.once('ready', resolve).once('error', reject);
  });
}
