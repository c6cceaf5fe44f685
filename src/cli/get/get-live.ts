import type { TenantDriver } from '../agent-client/tenant-driver.js';
import type { ReconcileItem } from '../controller/report.js';
import { formatSummary } from '../controller/report-text.js';
import { FlotillaError } from '../errors.js';
import { nearestName } from '../manifest/nearest.js';
import type { AppliedView } from '../plan/observed.js';
import { createContext, type SharedOptions } from './context.js';
import { EXIT_DONE, EXIT_ERROR, EXIT_INTERRUPTED } from './exit-code.js';
import { type Fleet, openFleet } from './fleet.js';
import { describeFleets, describeHosts, describeInstances, type LastFailure, type Listing } from './get-rows.js';
import type { Io } from './io.js';
import { formatDocument } from './print-report.js';
import { runReconcile } from './run-reconcile.js';
import { formatTable } from './table.js';

interface Options extends SharedOptions {
  io: Io;
  concurrency: number;
  format: 'text' | 'wide' | 'json' | 'yaml' | 'name';
}

const KINDS = { instances: describeInstances, hosts: describeHosts, fleets: describeFleets } as const;
type Kind = keyof typeof KINDS;

/** `flotilla get [instances|hosts|fleets] [NAME...]`: what a dry run finds, as a table. */
export async function getCommand(args: { kind: string; names: string[] }, options: Options): Promise<number> {
  const { kind, names } = toKind(args);
  const context = await createContext(options.io, options);
  const fleet = await openFleet(options, context);
  try {
    const seen = { applied: new Map<string, AppliedView>(), failures: new Map<string, LastFailure>() };
    const { report, interrupted } = await runReconcile(remember(fleet, seen), context, {
      slugs: kind === 'instances' ? names : [],
      dryRun: true,
      filesOnly: false,
      ignoreHold: false,
      concurrency: options.concurrency,
    });
    if (interrupted) return EXIT_INTERRUPTED;
    const listing = KINDS[kind]({ items: report.items, desired: fleet.desired, ...seen, now: new Date() });
    const chosen = kind === 'instances' ? listing : choose(listing, names, kind);
    await context.io.out.write(await print(chosen, options.format));
    if (!context.quiet && report.problems.length > 0)
      await context.io.err.write(`${formatSummary(report)}: flotilla validate lists them\n`);
    return report.problems.length > 0 || report.items.some(isUnseen) ? EXIT_ERROR : EXIT_DONE;
  } finally {
    await fleet.close();
  }
}

/** `get acme` is `get instances acme`; singular names are understood. */
function toKind({ kind, names }: { kind: string; names: string[] }): { kind: Kind; names: string[] } {
  const plural = kind.endsWith('s') ? kind : `${kind}s`;
  if (plural in KINDS) return { kind: plural as Kind, names };
  const near = nearestName(plural, Object.keys(KINDS));
  throw new FlotillaError('UsageInvalid', `there is no kind "${kind}" to list`, {
    hint: near
      ? `did you mean "${near}"?`
      : 'kinds are instances, hosts and fleets: flotilla get instances NAME lists one',
  });
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

function choose(listing: Listing, names: readonly string[], kind: Kind): Listing {
  const known = listing.rows.map((row) => row.name);
  for (const name of names) {
    if (known.includes(name)) continue;
    const near = nearestName(name, known);
    throw new FlotillaError(
      'UsageInvalid',
      `no manifest has a ${kind.slice(0, -1)} named "${name}"`,
      near ? { hint: `did you mean "${near}"?` } : {},
    );
  }
  return names.length === 0 ? listing : { ...listing, rows: listing.rows.filter((row) => names.includes(row.name)) };
}

async function print({ head, wideHead, rows, kind }: Listing, format: Options['format']): Promise<string> {
  switch (format) {
    case 'text':
      return formatTable(
        head,
        rows.map((row) => row.cells),
      );
    case 'wide':
      return formatTable(
        [...head, ...wideHead],
        rows.map((row) => [...row.cells, ...row.wideCells]),
      );
    case 'name':
      return rows.map((row) => `${row.name}\n`).join('');
    default:
      return formatDocument({ apiVersion: 'flotilla.dev/v1', kind, items: rows.map((row) => row.document) }, format);
  }
}

/** Its state could not be looked at. */
function isUnseen(item: ReconcileItem): boolean {
  return item.plan === null && item.result === 'failed';
}
