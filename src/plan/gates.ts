import type { EnvCoverage } from '../compose/env-coverage.js';
import type { ObservedTenant } from './observed.js';
import type { DesiredTenant, FileChange, Gate } from './plan.js';

interface GateInput {
  desired: DesiredTenant;
  observed: ObservedTenant;
  envCoverage: EnvCoverage | null;
  files: readonly FileChange[];
  ignoreHold: boolean;
}

/** The first reason not to apply a plan that has operations; null when it may go ahead. */
export function findGate({ desired, observed, envCoverage, files, ignoreHold }: GateInput): Gate | null {
  if (observed.lockedBy) return lockedGate(observed.lockedBy);
  if (desired.suspend)
    return {
      reason: 'Suspended',
      message: 'suspended in its manifest',
      hint: 'remove spec.suspend to go on',
      blocked: false,
    };
  const hold = observed.applied?.hold;
  if (hold && hold.digest === desired.digest && !ignoreHold) {
    return {
      reason: 'RolledBack',
      message: `rolled back from ${hold.imageTag} at ${hold.at}: held until desired state changes`,
      hint: `commit the tag that should run (flotilla set-image ${desired.slug} TAG), or apply it again with --ignore-hold`,
      blocked: true,
    };
  }
  if (envCoverage && envCoverage.blocking.length > 0) {
    return {
      reason: 'EnvCoverageBlocked',
      message: `compose would refuse to start: ${envCoverage.blocking.join(', ')} must have a value`,
      hint: `set ${envCoverage.blocking.length === 1 ? 'it' : 'them'} in ${observed.directory}/.env`,
      blocked: true,
    };
  }
  if (desired.driftPolicy === 'Report' && isOnlyDrift(desired, observed, files)) {
    return {
      reason: 'DriftReported',
      message: 'the host differs from what was applied, and driftPolicy is Report',
      hint: 'set spec.driftPolicy: Heal to undo it',
      blocked: false,
    };
  }
  return null;
}

/** The gate of an instance whose lock somebody holds. */
export function lockedGate(holder: NonNullable<ObservedTenant['lockedBy']>): Gate {
  const who = holder.pid ? `${holder.command || 'a process'} (pid ${holder.pid})` : holder.command || 'another process';
  return {
    reason: 'Locked',
    message: `another upgrade of it is running: ${who}${holder.since ? `, since ${holder.since}` : ''}`,
    hint: 'wait for it to end, then reconcile again',
    blocked: true,
  };
}

function isOnlyDrift(desired: DesiredTenant, { applied }: ObservedTenant, files: readonly FileChange[]): boolean {
  if (applied?.outcome !== 'verified' || applied.digest !== desired.digest) return false;
  return files.every((file) => file.status === 'unchanged' || file.cause === 'drift');
}
