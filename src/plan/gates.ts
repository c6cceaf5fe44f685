import type { EnvCoverage } from '../compose/env-coverage.js';
import { windowAt } from './maintenance-window.js';
import type { ObservedTenant } from './observed.js';
import type { DesiredTenant, FileChange, Gate } from './plan.js';
import { zonedClock } from './zoned-clock.js';

interface GateInput {
  desired: DesiredTenant;
  observed: ObservedTenant;
  envCoverage: EnvCoverage | null;
  files: readonly FileChange[];
  ignoreHold?: boolean;
  now?: Date;
  ignoreWindow?: boolean;
}

/** The first reason not to apply a plan that has operations; null when it may go ahead. */
export function findGate(input: GateInput): Gate | null {
  const { desired, observed, files } = input;
  if (observed.lockedBy) return lockedGate(observed.lockedBy);
  if (desired.suspend)
    return {
      reason: 'Suspended',
      message: 'suspended in its manifest',
      hint: 'remove spec.suspend to go on',
      blocked: false,
    };
  const held = rolledBackGate(input) ?? envCoverageGate(input) ?? windowGate(input);
  if (held) return held;
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

function rolledBackGate({ desired, observed, ignoreHold = false }: GateInput): Gate | null {
  const hold = observed.applied?.hold;
  if (hold && hold.digest === desired.digest && !ignoreHold) {
    return {
      reason: 'RolledBack',
      message: `rolled back from ${hold.imageTag} at ${hold.at}: held until desired state changes`,
      hint: `commit the tag that should run (flotilla set-image ${desired.slug} TAG), or apply it again with --ignore-hold`,
      blocked: true,
    };
  }
  return null;
}

function envCoverageGate({ observed, envCoverage }: GateInput): Gate | null {
  if (envCoverage && envCoverage.blocking.length > 0) {
    return {
      reason: 'EnvCoverageBlocked',
      message: `compose would refuse to start: ${envCoverage.blocking.join(', ')} must have a value`,
      hint: `set ${envCoverage.blocking.length === 1 ? 'it' : 'them'} in ${observed.directory}/.env`,
      blocked: true,
    };
  }
  return null;
}

/** Holds updates only: drift is healed at any time, and what was begun is finished. */
function windowGate({ desired, observed, now, ignoreWindow = false }: GateInput): Gate | null {
  const { maintenance, slug } = desired;
  if (!maintenance || !now || ignoreWindow || !isUpdate(desired, observed)) return null;
  const { open, until, reason } = windowAt(maintenance, now);
  if (open) return null;
  const end = until === null ? 'for more than a year' : `until ${formatWall(until, maintenance.timeZone)}`;
  return {
    reason: 'OutsideWindow',
    message: `its update waits ${end}: ${reason}`,
    hint: `flotilla reconcile ${slug} --ignore-window applies it now`,
    ...(until && { until: until.toISOString() }),
    blocked: false,
  };
}

/** Whether desired state is other than what was last committed on the host. */
function isUpdate(desired: DesiredTenant, { applied, interrupted }: ObservedTenant): boolean {
  if (interrupted) return false;
  return !applied || applied.digest !== desired.digest || applied.project !== desired.project;
}

/** `2026-03-28 22:00 Europe/Berlin`. */
function formatWall(instant: Date, timeZone: string): string {
  const wall = new Date(zonedClock(timeZone).wallOf(instant.getTime())).toISOString();
  return `${wall.slice(0, 16).replace('T', ' ')} ${timeZone}`;
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
