import { FlotillaError } from '../../errors.js';
import type { HistoryStore, Upgrade } from '../../history/history-store.js';
import { createContext, type SharedOptions } from '../context.js';
import { EXIT_DONE } from '../exit-code.js';
import type { Io } from '../io.js';
import { formatDocument } from '../print-report.js';
import { formatUpgradeDetails } from './format-upgrade.js';
import { openHistory } from './open-history.js';
import { requireKnown } from './require-known.js';
import { formatUpgrades } from './upgrade-rows.js';

interface Options extends Pick<SharedOptions, 'color' | 'verbose'> {
  io: Io;
  state: string;
  limit: number;
  id?: string;
  format: 'text' | 'wide' | 'json' | 'yaml';
}

/** How far back an upgrade is looked for by its id. */
const FAR_BACK = 100_000;

/**
 * `flotilla history [SLUG]`: what the daemon has applied, newest first; with --verbose or --id with all that is known of it.
 *
 * @throws FlotillaError HistoryUnavailable; InstanceNotFound for a slug that the daemon never had to do with
 */
export async function historyCommand({ slug }: { slug?: string }, options: Options): Promise<number> {
  const { io, paint, verbose } = await createContext(options.io, options);
  const store = await openHistory(options.state);
  try {
    const upgrades = await find(store, slug, options);
    if (slug !== undefined && upgrades.length === 0) await requireKnown(store, slug);
    const now = new Date();
    const { format } = options;
    if (format === 'json' || format === 'yaml') {
      const document = { apiVersion: 'flotilla.dev/v1', kind: 'UpgradeList', items: upgrades };
      await io.out.write(await formatDocument(document, format));
    } else if (verbose || options.id !== undefined) {
      await io.out.write(upgrades.map((upgrade) => formatUpgradeDetails(upgrade, now, paint)).join('\n'));
    } else await io.out.write(formatUpgrades(upgrades, { wide: format === 'wide', now }));
    return EXIT_DONE;
  } finally {
    await store.close();
  }
}

async function find(
  store: HistoryStore,
  slug: string | undefined,
  { id, limit }: Pick<Options, 'id' | 'limit'>,
): Promise<Upgrade[]> {
  const query = slug === undefined ? {} : { slug };
  if (id === undefined) return store.upgrades({ ...query, limit });
  const found = (await store.upgrades({ ...query, limit: FAR_BACK })).filter((upgrade) => upgrade.id.startsWith(id));
  if (found.length === 1) return found;
  const what = found.length === 0 ? 'no upgrade has' : `${found.length} upgrades have`;
  throw new FlotillaError('UsageInvalid', `${what} an id that starts with "${id}"`, {
    hint: 'flotilla history -o wide lists ids',
  });
}
