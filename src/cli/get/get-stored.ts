import type { HistoryStore } from '../../history/history-store.js';
import { isStateInUse } from '../../state/state-lock.js';
import { type Context, createContext } from '../context.js';
import { EXIT_DONE } from '../exit-code.js';
import { openHistory } from '../state/open-history.js';
import { formatAge } from '../table.js';
import type { GetOptions } from './get-options.js';
import { chooseRows, printListing } from './listing.js';
import { describeStatuses } from './status-rows.js';

/** Instances as the daemon last saw them; no host is asked. @throws FlotillaError HistoryUnavailable */
export async function getStored(names: readonly string[], options: GetOptions): Promise<number> {
  const context = await createContext(options.io, options);
  const store = await openHistory(options.state);
  try {
    if (options.watch) return await (await import('./watch-statuses.js')).watchStatuses(store, names, options);
    await list(store, names, options, context);
    return EXIT_DONE;
  } finally {
    await store.close();
  }
}

async function list(
  store: HistoryStore,
  names: readonly string[],
  { state, format }: GetOptions,
  { io, quiet, errPaint }: Context,
): Promise<void> {
  const statuses = await store.statuses();
  const now = new Date();
  const missing = (name: string) => `the daemon knows no instance named "${name}"`;
  await io.out.write(await printListing(chooseRows(describeStatuses(statuses, now), names, missing), format));
  if (quiet || !io.err.isTty) return;
  const newest =
    statuses
      .map(({ updatedAt }) => updatedAt)
      .sort()
      .at(-1) ?? null;
  const when = newest === null ? 'nothing yet' : `${formatAge(newest, now)} ago at the latest`;
  const runs = (await isStateInUse(state)) === false ? '; no daemon runs there now' : '';
  await io.err.write(errPaint.dim(`as the daemon wrote in ${state}, ${when}${runs} (--live asks the hosts)\n`));
}
