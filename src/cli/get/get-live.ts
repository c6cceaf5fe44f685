import type { TenantDriver } from '../../agent-client/tenant-driver.js';
import type { ReconcileItem } from '../../controller/report.js';
import { formatSummary } from '../../controller/report-text.js';
import type { AppliedView } from '../../plan/observed.js';
import { createContext } from '../context.js';
import { EXIT_DONE, EXIT_ERROR, EXIT_INTERRUPTED } from '../exit-code.js';
import { type Fleet, openFleet } from '../fleet.js';
import { runReconcile } from '../run-reconcile.js';
import type { GetKind, GetOptions } from './get-options.js';
import { chooseRows, printListing } from './listing.js';
import { describeFleets, describeHosts, describeInstances, type LastFailure } from './live-rows.js';

const DESCRIBE = { instances: describeInstances, hosts: describeHosts, fleets: describeFleets } as const;

/** What a dry run finds on the hosts, as a table; 1 where a host could not be asked or desired state has problems. */
export async function getLive(kind: GetKind, names: readonly string[], options: GetOptions): Promise<number> {
  const context = await createContext(options.io, options);
  const fleet = await openFleet(options, context);
  try {
    const seen = { applied: new Map<string, AppliedView>(), failures: new Map<string, LastFailure>() };
    const { report, interrupted } = await runReconcile(remember(fleet, seen), context, {
      slugs: kind === 'instances' ? names : [],
      dryRun: true,
      filesOnly: false,
      ignoreHold: false,
      ignoreWindow: false,
      concurrency: options.concurrency,
    });
    if (interrupted) return EXIT_INTERRUPTED;
    const listing = DESCRIBE[kind]({ items: report.items, desired: fleet.desired, ...seen, now: new Date() });
    const missing = (name: string) => `no manifest has a ${kind.slice(0, -1)} named "${name}"`;
    const chosen = kind === 'instances' ? listing : chooseRows(listing, names, missing);
    await context.io.out.write(await printListing(chosen, options.format));
    if (!context.quiet && report.problems.length > 0)
      await context.io.err.write(`${formatSummary(report)}: flotilla validate lists them\n`);
    return report.problems.length > 0 || report.items.some(isUnseen) ? EXIT_ERROR : EXIT_DONE;
  } finally {
    await fleet.close();
  }
}

interface Seen {
  applied: Map<string, AppliedView>;
  failures: Map<string, LastFailure>;
}

/** Keeps what hosts say of applied records and failures while the dry run observes: nothing is asked twice. */
function remember(fleet: Fleet, { applied, failures }: Seen): Fleet {
  const watched = new Map<TenantDriver, TenantDriver>();
  return {
    ...fleet,
    driverFor(host) {
      const driver = fleet.driverFor(host);
      const known = watched.get(driver);
      if (known) return known;
      const watching: TenantDriver = {
        observe: async (requests, options) => {
          const observed = await driver.observe(requests, options);
          for (const tenant of observed) {
            if (tenant.applied) applied.set(tenant.slug, tenant.applied);
            if (tenant.lastFailure) failures.set(tenant.slug, tenant.lastFailure);
          }
          return observed;
        },
        inspect: (...args) => driver.inspect(...args),
        apply: (...args) => driver.apply(...args),
        generations: (...args) => driver.generations(...args),
        planRollback: (...args) => driver.planRollback(...args),
        events: (options) => driver.events(options),
        close: () => driver.close(),
      };
      watched.set(driver, watching);
      return watching;
    },
  };
}

/** Its state could not be looked at. */
function isUnseen(item: ReconcileItem): boolean {
  return item.plan === null && item.result === 'failed';
}
