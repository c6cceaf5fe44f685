import { join } from 'node:path';
import { FlotillaError } from '../../errors.js';
import type { HistoryStore } from '../../history/history-store.js';
import { CONFIRM_FILE, writeConfirmed } from '../../state/state-directory.js';
import { createContext, type SharedOptions } from '../context.js';
import { EXIT_DONE } from '../exit-code.js';
import type { Io } from '../io.js';
import { shortRevision } from '../short-revision.js';
import { openHistory } from './open-history.js';
import { isWholeRevision, namesRevision } from './revision.js';

interface Options extends Pick<SharedOptions, 'color' | 'quiet'> {
  io: Io;
  state: string;
}

/** Decisions of the daemon that are looked through for a revision. */
const RECENT = 10_000;

/**
 * `flotilla confirm REVISION`: lets the daemon take a revision that it has refused because it would remove most instances.
 *
 * @throws FlotillaError HistoryUnavailable where no daemon keeps its state; UsageInvalid where the start of a revision names
 *   none that the daemon has spoken of, or several
 */
export async function confirmCommand({ revision: given }: { revision: string }, options: Options): Promise<number> {
  const { io, errPaint, quiet } = await createContext(options.io, options);
  const store = await openHistory(options.state);
  try {
    const revision = isWholeRevision(given) ? given : await complete(store, given);
    if ((await store.accepted())?.revision === revision) {
      await io.out.write(`revision ${shortRevision(revision)} is in force already\n`);
      return EXIT_DONE;
    }
    await writeConfirmed(join(options.state, CONFIRM_FILE), revision);
    await io.out.write(`revision ${shortRevision(revision)} is confirmed\n`);
  } finally {
    await store.close();
  }
  const next = 'next: the daemon takes it when it reads desired state again, if that still is this revision';
  if (!quiet) await io.err.write(errPaint.dim(`${next}\nflotilla events --watch shows it\n`));
  return EXIT_DONE;
}

/** The daemon names what it refuses in its decisions. */
async function complete(store: HistoryStore, given: string): Promise<string> {
  const spoken = new Set((await store.decisions({ limit: RECENT })).flatMap(({ revision }) => revision ?? []));
  const found = [...spoken].filter((revision) => namesRevision(given, revision));
  const [first] = found;
  if (found.length === 1 && first !== undefined) return first;
  const what = found.length === 0 ? 'no revision that starts' : 'several revisions that start';
  const message = `the daemon has spoken of ${what} with ${given}`;
  throw new FlotillaError('UsageInvalid', message, {
    hint: 'give the whole revision: flotilla events -o json names it',
  });
}
