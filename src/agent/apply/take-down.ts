import { realpathSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApplyResult } from '../../agent-client/tenant-driver.js';
import { FlotillaError } from '../../errors.js';
import type { EngineContainer } from '../engine/engine-containers.js';
import { writeRecord } from '../state/applied-record.js';
import { clearFailure } from '../state/last-failure.js';
import type { Apply } from './apply.js';
import { asSuperseded } from './superseded.js';

/** How long the engine may take at most for a removal that somebody else had begun. */
const GONE_WITHIN_MS = 15_000;
const LOOK_AGAIN_MS = 200;

/**
 * Stops and removes the containers of the plan's project that run from this directory, then the project's networks.
 * Volumes, images and files stay. The record is then one of files that are not brought up: were the manifest to return, they
 * would be. Doing it again changes nothing.
 *
 * @throws FlotillaError PlanInvalid; Cancelled, Superseded before anything was removed; EngineUnreachable, TimedOut;
 *   VerifyFailed when a container is left
 */
export async function takeDown(apply: Apply): Promise<ApplyResult> {
  const { plan, tenantDir, phases, record } = apply;
  if (plan.operations.length !== 1) {
    throw new FlotillaError('PlanInvalid', `${plan.slug}: a plan that takes an instance down can do nothing else`);
  }
  await phases.run('remove', () => removeContainers(apply));
  const elsewhere = await phases.run('verify', () => waitUntilGone(apply));
  // What runs from another directory uses them.
  if (elsewhere.length === 0) await phases.run('remove', () => removeNetworks(apply));
  clearFailure(tenantDir);
  return { generation: record?.generation ?? 0, phases: phases.done, recreated: [], restarted: [] };
}

async function removeContainers(apply: Apply): Promise<void> {
  const { host, plan, tenantDir, record, signal } = apply;
  const { own } = await listAll(apply, signal).catch((error: unknown) => {
    throw asSuperseded(error, apply);
  });
  // Before the removal: a crash in between leaves nothing that says "verified" of containers that are gone.
  if (record) await writeRecord(tenantDir, { ...record, outcome: 'committed' });
  const ids = own.map(({ id }) => id);
  await host.engine.stopAndRemove(ids, { timeoutMs: plan.timeouts.upMs });
}

/** @returns the project's containers that run from another directory */
async function waitUntilGone(apply: Apply): Promise<readonly EngineContainer[]> {
  const patienceMs = Math.min(GONE_WITHIN_MS, apply.plan.timeouts.verifyMs);
  for (let waitedMs = 0; ; waitedMs += LOOK_AGAIN_MS) {
    const { own, elsewhere } = await listAll(apply);
    if (own.length === 0) return elsewhere;
    if (waitedMs >= patienceMs) throw notGone(apply, own);
    await sleep(LOOK_AGAIN_MS);
  }
}

async function removeNetworks({ host, plan, phases }: Apply): Promise<void> {
  const kept = await host.engine.removeProjectNetworks(plan.project, { timeoutMs: plan.timeouts.upMs });
  for (const name of kept)
    phases.report({ phase: 'remove', message: `network ${name} stays: others are connected to it` });
}

/** The containers of the project, those of `compose run` among them, by whether they run from this directory. */
async function listAll({ host, plan, tenantDir }: Apply, signal?: AbortSignal) {
  const here = new Set([tenantDir, realpathSync.native(tenantDir)]);
  const all = await host.engine.listProjectContainers({
    project: plan.project,
    oneOff: true,
    ...(signal && { signal }),
  });
  return {
    own: all.filter(({ workingDir }) => here.has(workingDir)),
    elsewhere: all.filter(({ workingDir }) => !here.has(workingDir)),
  };
}

function notGone({ plan }: Apply, left: readonly EngineContainer[]): FlotillaError {
  const services = [...new Set(left.map(({ service }) => service))].sort().join(', ');
  return new FlotillaError('VerifyFailed', `${plan.slug}: containers are left after their removal: ${services}`, {
    hint: `look at docker compose -p ${plan.project} ps --all on the host`,
  });
}
