import { mkdirSync } from 'node:fs';
import type { ApplyOptions, ApplyRequest, ApplyResult } from '../../agent-client/tenant-driver.js';
import { type ErrorCode, FlotillaError } from '../../errors.js';
import type { Operation, Plan } from '../../plan/plan.js';
import { linkSignals } from '../engine/link-signals.js';
import { resolveTenant } from '../files/confine.js';
import { toHostError } from '../files/host-error.js';
import { acquireLock } from '../lock/lock.js';
import { type AppliedRecord, readRecord, writeRecord } from '../state/applied-record.js';
import { markGeneration } from '../state/generations.js';
import { recover } from '../state/journal.js';
import { clearFailure, noteFailure } from '../state/last-failure.js';
import type { TenantHost } from '../tenant-host.js';
import type { Apply } from './apply.js';
import { createPhases } from './apply-phases.js';
import { type BroughtUp, bringUp, pullImages } from './bring-up.js';
import { commitFiles, type Staged, stageFiles } from './commit-files.js';
import { loadContent, refuseStale } from './plan-checks.js';
import { type StagedModel, validateStaged } from './staged-model.js';
import { asSuperseded, isSuperseded } from './superseded.js';
import { takeDown } from './take-down.js';

const NO_FAILURE: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['PlanStale', 'Cancelled', 'Superseded']);

/**
 * Carries out a plan as one transaction under the instance's lock: stage, validate, pull, commit the files, bring up,
 * verify, record. Nothing is touched before it can work; once the files are committed it is finished whatever `signal`
 * says. A failure leaves either the old files with their containers, or the new files and a record that says so. A plan
 * to take the instance down is carried out under the same lock and the same check.
 *
 * @throws FlotillaError with the phase in which it happened; PlanStale when the host is not as the plan saw it
 */
export async function applyPlan(host: TenantHost, request: ApplyRequest, options: ApplyOptions): Promise<ApplyResult> {
  const { plan } = request;
  const phases = createPhases(options.onProgress);
  const { tenantDir, lock } = await phases.run('lock', async () => {
    const directory = await prepareDirectory(host, plan.directory);
    return { tenantDir: directory, lock: await acquireLock(directory, { command: 'flotilla' }) };
  });
  const { signal, unlink } = linkSignals([options.signal, options.supersede]);
  try {
    const { recovered } = await recover(tenantDir);
    if (recovered) phases.report({ phase: 'recover', message: 'completed an interrupted commit' });
    const record = readRecord(tenantDir);
    await refuseStale(host, tenantDir, plan, record);
    const files = await loadContent(tenantDir, request);
    const apply: Apply = {
      host,
      plan,
      tenantDir,
      lock,
      phases,
      signal,
      supersede: options.supersede,
      record,
      files,
      hold: request.hold,
    };
    return await (has(plan, 'down') ? takeDown(apply) : transact(apply));
  } catch (error) {
    await note(host, tenantDir, plan, error);
    throw error;
  } finally {
    unlink();
    await lock.release();
  }
}

async function prepareDirectory(host: TenantHost, directory: string): Promise<string> {
  const tenantDir = await resolveTenant(host.config.root, directory);
  try {
    mkdirSync(tenantDir, { recursive: true });
  } catch (error) {
    throw toHostError(error, `create ${tenantDir}`);
  }
  return tenantDir;
}

async function transact(apply: Apply): Promise<ApplyResult> {
  const { staged, model } = await prepareToCommit(apply);
  const record = await apply.phases.run('commit', () => commitFiles(apply, staged));
  try {
    const up = model && (await bringUp(apply, model));
    await apply.phases.run('record', () => recordVerified(apply, record, up));
    return {
      generation: record.generation,
      phases: apply.phases.done,
      recreated: up?.recreated ?? [],
      restarted: up?.restarted ?? [],
    };
  } catch (error) {
    if (record.generation !== apply.record?.generation && !isSuperseded(error))
      await markGeneration(apply.tenantDir, record.generation, 'failed');
    throw error;
  }
}

/** All that can fail without the tenant having been touched. */
async function prepareToCommit(apply: Apply): Promise<{ staged: Staged; model: StagedModel | null }> {
  const { plan, phases, signal } = apply;
  const staged = await phases.run('stage', () => stageFiles(apply));
  try {
    const model = has(plan, 'verify') ? await phases.run('validate', () => validateStaged(apply)) : null;
    try {
      if (model && has(plan, 'pull')) await phases.run('pull', () => pullImages(apply, model));
    } finally {
      await model?.leaveShadow();
    }
    if (signal.aborted) throw new FlotillaError('Cancelled', 'interrupted before anything was changed');
    return { staged, model };
  } catch (error) {
    await staged.discard();
    throw asSuperseded(error, apply);
  }
}

/** Whether the plan has such an operation. */
function has(plan: Plan, kind: Operation['kind']): boolean {
  return plan.operations.some((operation) => operation.kind === kind);
}

async function recordVerified(apply: Apply, record: AppliedRecord, up: BroughtUp | null): Promise<void> {
  const { host, tenantDir } = apply;
  const services = up ? up.services : record.services;
  const composeVersion = up ? up.composeVersion : record.composeVersion;
  await writeRecord(tenantDir, {
    ...record,
    services,
    composeVersion,
    outcome: 'verified',
    unfinished: null,
    appliedAt: host.now().toISOString(),
  });
  await markGeneration(tenantDir, record.generation, 'verified');
  // A rollback undoes the upgrade that failed, and is no answer to why it did.
  if (!apply.hold) clearFailure(tenantDir);
}

/** Somebody else's lock, a stale plan, an interruption and newer desired state are not failures of this instance. */
async function note(host: TenantHost, tenantDir: string, plan: Plan, error: unknown): Promise<void> {
  if (!(error instanceof FlotillaError) || NO_FAILURE.has(error.code)) return;
  const { code, message, phase = '' } = error;
  await noteFailure(tenantDir, { at: host.now().toISOString(), code, phase, message, imageTag: plan.imageTag });
}
