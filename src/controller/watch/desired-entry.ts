import { createHash } from 'node:crypto';
import type { ObserveRequest } from '../../agent-client/tenant-driver.js';
import type { Problem } from '../../errors.js';
import type { DesiredHost, DesiredInstance } from '../../manifest/desired-state.js';
import type { DesiredTenant } from '../../plan/plan.js';
import { renderInstance } from '../../render/render.js';
import type { Template } from '../../render/template.js';
import { toDesiredTenant } from '../desired-tenant.js';
import { toObserveRequest } from '../reconcile-tenant.js';

/** What is desired of one instance, from the last revision in which it was in order. Holds no bytes. */
export interface DesiredEntry {
  instance: DesiredInstance;
  host: DesiredHost;
  template: Template;
  /** Its revision is the one that last changed anything of it. */
  tenant: DesiredTenant;
  request: ObserveRequest;
  /** Of all that is desired of it but for the revision: the same exactly when there is nothing new to do. */
  digest: string;
  author: string | null;
  /** The instance as text, without its place: what it renders to follows from it, the template and the host. */
  input: string;
  /** What is wrong with it in the newest revision; null when that is where it comes from. */
  held: readonly Problem[] | null;
}

export interface EntryInput {
  instance: DesiredInstance;
  host: DesiredHost;
  template: Template;
  revision: string;
  author: string | null;
}

/**
 * Renders an instance. Where nothing that is desired of it is other than before, it keeps the revision that it had, and its
 * author, also those that only an earlier process knew it by: the revision of an entry is the one to look at for what changed it.
 *
 * @throws FlotillaError RenderFailed with all problems
 */
export function toEntry(
  { instance, host, template, revision, author }: EntryInput,
  before: { digest: string; revision: string; author: string | null } | null,
): DesiredEntry {
  const fresh = toDesiredTenant(instance, template, renderInstance(template, instance), revision);
  const digest = digestOf(fresh, instance, host);
  const same = before?.digest === digest;
  const tenant = same ? { ...fresh, revision: before.revision } : fresh;
  return {
    instance,
    host,
    template,
    tenant,
    request: toObserveRequest(tenant),
    digest,
    author: same ? before.author : author,
    input: inputOf(instance),
    held: null,
  };
}

/** Whether it renders to the same without having to be rendered: what goes in is the same. */
export function isSameInput(entry: DesiredEntry, { instance, host, template }: EntryInput): boolean {
  return entry.template.digest === template.digest && entry.input === inputOf(instance) && isSameHost(entry.host, host);
}

export function isSameHost(one: DesiredHost, other: DesiredHost): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Where its document stands is of no matter. */
function inputOf({ source: _, ...instance }: DesiredInstance): string {
  return JSON.stringify(instance);
}

function digestOf(
  { revision: _, ...tenant }: DesiredTenant,
  { rollback, deletionPolicy }: DesiredInstance,
  host: DesiredHost,
): string {
  return createHash('sha256')
    .update(JSON.stringify([tenant, rollback, deletionPolicy, host]))
    .digest('hex');
}
