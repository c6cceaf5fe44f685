import type { ReconcileItem, Result } from '../../controller/report.js';
import type { DesiredState } from '../../manifest/desired-state.js';
import { oneLine } from '../../plan/format-safe.js';
import type { AppliedView } from '../../plan/observed.js';
import { formatAge } from '../table.js';
import type { Listing } from './listing.js';

export type LastFailure = NonNullable<AppliedView['lastFailure']>;

export interface ListingInput {
  items: readonly ReconcileItem[];
  desired: DesiredState;
  applied: ReadonlyMap<string, AppliedView>;
  /** How the newest attempt on an instance failed; those that did not are not in it. */
  failures: ReadonlyMap<string, LastFailure>;
  now: Date;
}

const STATUS: Record<Result, string> = {
  inSync: 'InSync',
  changed: 'Pending',
  converged: 'InSync',
  waiting: 'Waiting',
  failed: 'Failed',
};

export function describeInstances({ items, applied, failures, now, desired }: ListingInput): Listing {
  const instances = new Map(desired.instances.map((instance) => [instance.slug, instance]));
  const rows = items.map((item) => {
    const record = applied.get(item.slug) ?? null;
    const last = failures.get(item.slug);
    const failure = last?.imageTag === item.imageTag ? last : null;
    const status = statusOf(item, record, failure);
    const message = messageOf(item, failure);
    const { directory = '', project = '', template = '' } = instances.get(item.slug) ?? {};
    return {
      name: item.slug,
      cells: [
        item.slug,
        item.host || '-',
        item.fleet ?? '-',
        item.imageTag || '-',
        record?.imageTag ?? '-',
        status,
        formatAge(record?.appliedAt ?? null, now),
      ],
      wideCells: [project || '-', template || '-', String(record?.generation ?? '-'), message],
      document: {
        slug: item.slug,
        host: item.host,
        fleet: item.fleet,
        imageTag: item.imageTag,
        appliedImageTag: record?.imageTag ?? null,
        appliedAt: record?.appliedAt ?? null,
        generation: record?.generation ?? null,
        project,
        directory,
        template,
        result: item.result,
        status,
        message,
      },
    };
  });
  return {
    kind: 'InstanceList',
    head: ['SLUG', 'HOST', 'FLEET', 'DESIRED', 'APPLIED', 'STATUS', 'AGE'],
    wideHead: ['PROJECT', 'TEMPLATE', 'GENERATION', 'MESSAGE'],
    rows,
  };
}

export function describeHosts({ items, desired }: ListingInput): Listing {
  const rows = [...desired.hosts.values()].sort(byName).map((host) => {
    const here = items.filter((item) => item.host === host.name);
    const trouble = here.find((item) => item.error !== null && HOST_CODES.has(item.error.code))?.error ?? null;
    const address = host.kind === 'local' ? host.root : host.url;
    const status = here.length === 0 ? 'Unused' : trouble === null ? 'Ready' : trouble.code;
    return {
      name: host.name,
      cells: [host.name, host.kind, address, String(here.length), countOf(here, 'inSync'), status],
      wideCells: [trouble?.message ?? ''],
      document: {
        name: host.name,
        kind: host.kind,
        address,
        instances: here.length,
        ...counts(here),
        status,
        message: trouble?.message ?? '',
      },
    };
  });
  return {
    kind: 'HostList',
    head: ['NAME', 'KIND', 'ADDRESS', 'INSTANCES', 'INSYNC', 'STATUS'],
    wideHead: ['MESSAGE'],
    rows,
  };
}

export function describeFleets({ items }: ListingInput): Listing {
  const names = [...new Set(items.flatMap((item) => item.fleet ?? []))].sort();
  const rows = names.map((name) => {
    const members = items.filter((item) => item.fleet === name);
    const tags = [...new Set(members.map((item) => item.imageTag))].sort();
    const sums = counts(members);
    return {
      name,
      cells: [
        name,
        String(members.length),
        String(sums.inSync),
        String(sums.pending),
        String(sums.waiting),
        String(sums.failed),
      ],
      wideCells: [tags.join(',')],
      document: { name, instances: members.length, ...sums, imageTags: tags },
    };
  });
  return {
    kind: 'FleetList',
    head: ['NAME', 'INSTANCES', 'INSYNC', 'PENDING', 'WAITING', 'FAILED'],
    wideHead: ['TAGS'],
    rows,
  };
}

/** Errors that say something of the host rather than of one tenant. */
const HOST_CODES = new Set<string>(['HostUnreachable', 'HostRootMissing', 'EngineUnreachable', 'ComposeMissing']);

/** Where what is desired was tried and failed, the status says how: that it is pending still is what follows from it. */
function statusOf(item: ReconcileItem, record: AppliedView | null, failure: LastFailure | null): string {
  if (item.result === 'failed') return item.error?.code ?? 'Failed';
  if (item.result === 'waiting') return item.plan?.gate?.reason ?? 'Waiting';
  if (item.result !== 'changed') return STATUS[item.result];
  if (failure) return failure.code;
  if (record === null) return 'New';
  return record.imageTag === item.imageTag ? 'Pending' : 'Update';
}

function messageOf({ error, plan, result }: ReconcileItem, failure: LastFailure | null): string {
  if (error !== null) return oneLine(error.message);
  if (plan?.gate) return oneLine(plan.gate.message);
  if (result !== 'changed') return '';
  if (failure) return `applying ${failure.imageTag} failed${during(failure)}: ${oneLine(failure.message)}`;
  return oneLine(plan?.operations.at(-1)?.cause ?? '');
}

/** An attempt that never came to its first step has no phase. */
function during({ phase }: LastFailure): string {
  return phase === '' ? '' : ` during ${phase}`;
}

function counts(items: readonly ReconcileItem[]): Record<'inSync' | 'pending' | 'waiting' | 'failed', number> {
  const number = (result: Result) => items.filter((item) => item.result === result).length;
  return { inSync: number('inSync'), pending: number('changed'), waiting: number('waiting'), failed: number('failed') };
}

function countOf(items: readonly ReconcileItem[], result: Result): string {
  return String(items.filter((item) => item.result === result).length);
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}
