import type { DesiredTenant, FileCause, Operation, Plan } from '../../plan/plan.js';
import type { AppliedRecord } from '../state/applied-record.js';
import { keepFound } from '../state/found-files.js';
import { forgetGeneration, isKept, keepGeneration, newestKept, pruneGenerations } from '../state/generations.js';
import { commitStaged, discardStage, hasJournal, type StagedCommit, stageCommit } from '../state/journal.js';
import type { Apply } from './apply.js';

/** Causes of a write over bytes that are not what we last wrote. */
const FOUND_CAUSES: ReadonlySet<FileCause | null> = new Set<FileCause>(['drift', 'conflict', 'adopt']);

export interface Staged {
  commit: StagedCommit;
  record: AppliedRecord;
  discard(): Promise<void>;
}

/** Puts every new file, with its mode, beside the instance's own. @throws FlotillaError DiskFull, NotWritable; nothing is left behind */
export async function stageFiles(apply: Apply): Promise<Staged> {
  const { plan, tenantDir, files } = apply;
  const content = new Map(files.map((file) => [file.path, file.content]));
  const writes = operations(plan, 'write').map(({ path, mode, inPlace, createOnly }) => ({
    path,
    mode,
    inPlace,
    createOnly,
    content: content.get(path) as Buffer,
  }));
  const removes = operations(plan, 'remove').map(({ path, sha256 }) => ({ path, sha256 }));
  const record = nextRecord(apply);
  const commit = await stageCommit(tenantDir, { generation: record.generation, writes, removes, record });
  return { commit, record, discard: () => discardStage(commit) };
}

/**
 * Keeps the new file set for a rollback, and copies of what others have edited, then puts the staged files in place by
 * the journal: after any crash the instance has the old files or the new ones.
 *
 * @returns the record as it stands now: committed, not yet verified
 */
export async function commitFiles(apply: Apply, { commit, record }: Staged): Promise<AppliedRecord> {
  const { tenantDir } = apply;
  try {
    await keepFileSets(apply, record);
    await commitStaged(commit);
  } catch (error) {
    if (!hasJournal(tenantDir)) await forget(apply, commit, record).catch(() => undefined);
    throw error;
  }
  await pruneGenerations(tenantDir, record.generation);
  return record;
}

async function keepFileSets(apply: Apply, record: AppliedRecord): Promise<void> {
  const { plan, tenantDir, files, host } = apply;
  const found = plan.files.filter((file) => FOUND_CAUSES.has(file.cause)).map((file) => file.path);
  await keepFound(tenantDir, host.now().getTime(), found);
  if (isNewGeneration(apply, record) || !isKept(tenantDir, record.generation)) {
    const meta = {
      tenant: toTenant(plan),
      committedAt: record.appliedAt,
      cause: causeOf(plan),
      outcome: 'committed' as const,
    };
    await keepGeneration(tenantDir, record.generation, meta, files);
  }
}

function isNewGeneration(apply: Apply, record: AppliedRecord): boolean {
  return record.generation !== apply.record?.generation;
}

/** What was prepared for a commit that came to nothing must not fill the disk further, nor be listed. */
async function forget(apply: Apply, commit: StagedCommit, record: AppliedRecord): Promise<void> {
  await discardStage(commit);
  if (isNewGeneration(apply, record)) await forgetGeneration(apply.tenantDir, record.generation);
}

function operations<Kind extends Operation['kind']>(plan: Plan, kind: Kind): Extract<Operation, { kind: Kind }>[] {
  return plan.operations.filter(
    (operation): operation is Extract<Operation, { kind: Kind }> => operation.kind === kind,
  );
}

/** A new generation for new desired state; a heal or another try belongs to the one that is there. */
function nextRecord({ plan, tenantDir, record, host, hold }: Apply): AppliedRecord {
  const same = record !== null && record.digest === plan.digest && record.imageTag === plan.imageTag;
  const at = host.now().toISOString();
  return {
    generation: same ? record.generation : Math.max(record?.generation ?? 0, newestKept(tenantDir)) + 1,
    project: plan.project,
    revision: plan.revision,
    imageTag: plan.imageTag,
    digest: plan.digest,
    template: plan.template,
    files: plan.fileSet.map(({ path, sha256, mode, ownership }) => ({
      path,
      sha256,
      mode,
      createOnly: ownership === 'CreateOnly',
    })),
    outcome: 'committed',
    unfinished: unfinishedWith(plan, record),
    appliedAt: at,
    lastFailure: null,
    hold: hold ? { ...hold, at } : null,
    compose: [...plan.compose],
    tenantCompose: [...plan.tenantCompose],
    services: record?.services ?? [],
    composeVersion: record?.composeVersion ?? '',
  };
}

/** Adds to what earlier attempts left unfinished: the containers have seen none of it for sure until they are verified. */
function unfinishedWith(plan: Plan, record: AppliedRecord | null): AppliedRecord['unfinished'] {
  const changed = plan.operations.flatMap((operation) =>
    operation.kind === 'write' || operation.kind === 'remove' ? [operation.path] : [],
  );
  const services = plan.containers?.map(({ service }) => service) ?? [];
  return {
    files: [...new Set([...(record?.unfinished?.files ?? []), ...changed])].sort(),
    services: [...new Set([...(record?.unfinished?.services ?? []), ...services])].sort(),
  };
}

/** What a rollback needs to plan this file set again; its policies are those of the moment. */
function toTenant(plan: Plan): DesiredTenant {
  const {
    slug,
    project,
    directory,
    host,
    template,
    revision,
    imageTag,
    timeouts,
    digest,
    released,
    compose,
    tenantCompose,
    onChange,
  } = plan;
  return {
    slug,
    project,
    directory,
    host,
    template,
    revision,
    imageTag,
    timeouts,
    digest,
    released,
    compose,
    tenantCompose,
    onChange,
    fleet: null,
    registered: false,
    suspend: false,
    driftPolicy: 'Heal',
    files: plan.fileSet,
  };
}

function causeOf({ fromImageTag, imageTag }: Plan): string {
  if (fromImageTag === null) return `new ${imageTag}`;
  return fromImageTag === imageTag ? `update ${imageTag}` : `update ${fromImageTag} -> ${imageTag}`;
}
