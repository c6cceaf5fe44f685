import { FlotillaError } from '../errors.js';
import { findContainerDrift, type ServiceDrift } from './container-drift.js';
import { findGate } from './gates.js';
import type { Inspection, ObservedTenant } from './observed.js';
import type { DesiredTenant, Operation, Plan } from './plan.js';
import { planContainers, type ServicePlan } from './plan-containers.js';
import { planFiles } from './plan-files.js';
import { findSecondStack } from './second-stack.js';

export interface PlanInput {
  desired: DesiredTenant;
  observed: ObservedTenant;
  /** null when nothing was inspected: then the plan says nothing of containers that are in order, nor of variables. */
  inspection: Inspection | null;
  ignoreHold?: boolean;
  /** For maintenance windows; left out, an update may be applied at any time. */
  now?: Date;
  ignoreWindow?: boolean;
}

/**
 * Decides all that is to be done to one instance. Pure: the same input gives the same plan, byte for byte.
 *
 * @throws FlotillaError ProjectMismatch | ProjectTaken when bringing it up would collide with another stack
 */
export function planTenant({ desired, observed, inspection, ...gating }: PlanInput): Plan {
  refuseSecondStack(desired, observed);
  const files = planFiles(desired, observed.files, observed.applied);
  const drift = findContainerDrift(observed);
  const why = reasonToBringUp(desired, observed);
  // Compose cannot say what becomes of containers by files that it refuses.
  const forecast = inspection?.refused ? null : (inspection?.forecast ?? null);
  const services =
    forecast &&
    planContainers({
      forecast,
      observed,
      drift,
      files: files.changes,
      onChange: desired.onChange,
      unverified: observed.applied?.outcome !== 'verified',
      unfinished: observed.applied?.unfinished ?? null,
    });
  const envCoverage = inspection?.envCoverage ?? null;
  const operations = orderOperations(files.operations, services, why, drift);
  const plan: Plan = {
    slug: desired.slug,
    project: desired.project,
    directory: desired.directory,
    host: desired.host,
    template: desired.template,
    revision: desired.revision,
    imageTag: desired.imageTag,
    fromImageTag: observed.applied?.imageTag ?? null,
    digest: desired.digest,
    fileSet: desired.files,
    compose: desired.compose,
    tenantCompose: desired.tenantCompose,
    onChange: desired.onChange,
    released: desired.released,
    timeouts: desired.timeouts,
    files: files.changes,
    containers: services?.map(({ service, action, cause }) => ({ service, action, cause })) ?? null,
    operations,
    envCoverage,
    warnings: [
      ...files.warnings,
      ...(inspection?.problems ?? []),
      ...suspectWarnings(envCoverage),
      ...stackWarnings(observed),
    ],
    gate: null,
    basis: {
      files: observed.files.map(({ path, sha256, mode }) => ({ path, sha256, mode })),
      generation: observed.applied?.generation ?? 0,
    },
  };
  if (operations.length > 0) plan.gate = findGate({ desired, observed, envCoverage, files: files.changes, ...gating });
  return plan;
}

/** Whether there is anything to do, from what observing alone tells: when false, there is no need to ask compose. */
export function hasWork(desired: DesiredTenant, observed: ObservedTenant): boolean {
  return (
    reasonToBringUp(desired, observed) !== null ||
    planFiles(desired, observed.files, observed.applied).operations.length > 0 ||
    findContainerDrift(observed).length > 0
  );
}

interface Reason {
  cause: string;
  /** Images, definitions or the first start: pull and up whatever the forecast says. False: only the record is behind. */
  up: boolean;
}

function reasonToBringUp(desired: DesiredTenant, { applied, interrupted }: ObservedTenant): Reason | null {
  if (interrupted) return { cause: 'an interrupted commit is completed first', up: true };
  if (!applied) return { cause: 'new', up: true };
  if (applied.outcome !== 'verified')
    return { cause: 'the files were committed but never brought up and verified', up: true };
  if (applied.project !== desired.project)
    return { cause: `project ${applied.project} -> ${desired.project}`, up: true };
  if (applied.imageTag !== desired.imageTag)
    return { cause: `update ${applied.imageTag} -> ${desired.imageTag}`, up: false };
  if (applied.digest !== desired.digest) return { cause: 'update', up: false };
  return null;
}

function orderOperations(
  files: readonly Operation[],
  services: readonly ServicePlan[] | null,
  reason: Reason | null,
  drift: readonly ServiceDrift[],
): Operation[] {
  if (files.length === 0 && !reason && drift.length === 0) return [];
  const cause = reason?.cause ?? (drift.length > 0 && files.length === 0 ? 'drift of containers' : 'drift');
  if (!services) return [...files, { kind: 'record', cause }];
  const by = (kind: ServicePlan['by']) => services.filter((service) => service.by === kind);
  const up = [...by('up'), ...by('recreate')];
  const needsUp = up.length > 0 || reason?.up === true;
  const pulls = reason !== null && needsUp;
  const operations: Operation[] = [...(pulls ? [{ kind: 'pull', cause } as const] : []), ...files];
  if (by('remove').length > 0)
    operations.push({ kind: 'removeServices', services: names(by('remove')), cause: 'no longer defined' });
  if (needsUp)
    operations.push({ kind: 'up', services: names(up), recreate: names(by('recreate')), cause: causes(up) || cause });
  if (by('restart').length > 0)
    operations.push({ kind: 'restart', services: names(by('restart')), cause: causes(by('restart')) });
  for (const { service, signal, cause: why } of by('signal'))
    operations.push({ kind: 'signal', service, signal: signal ?? 'SIGHUP', cause: why });
  if (services.some((service) => service.by !== 'nobody') || needsUp) operations.push({ kind: 'verify', cause });
  return [...operations, { kind: 'record', cause }];
}

function names(services: readonly ServicePlan[]): string[] {
  return services.map(({ service }) => service).sort();
}

/** Distinct causes, in order of service, joined for one line. */
function causes(services: readonly ServicePlan[]): string {
  return [...new Set(services.map(({ cause }) => cause))].join('; ');
}

function refuseSecondStack({ slug, project }: DesiredTenant, observed: ObservedTenant): void {
  const stack = findSecondStack(project, observed);
  if (stack === null) return;
  if (stack.kind === 'project') {
    throw new FlotillaError(
      'ProjectMismatch',
      `${slug}: containers already run from ${observed.directory} as compose project "${stack.project}"; bringing up "${project}" would start a second stack beside it`,
      { hint: `set spec.project: ${stack.project} in the manifest of ${slug}` },
    );
  }
  throw new FlotillaError(
    'ProjectTaken',
    `${slug}: compose project "${project}" already runs from ${stack.directory}, not from ${observed.directory}`,
    { hint: `set another spec.project, or spec.directory to where it runs` },
  );
}

function suspectWarnings(envCoverage: Plan['envCoverage']): string[] {
  return (envCoverage?.suspect ?? []).map(
    (name) => `the value of ${name} in .env has a $ that compose takes for a variable: single quotes keep it`,
  );
}

function stackWarnings({ otherProjects, directory }: ObservedTenant): string[] {
  return otherProjects.map((project) => `compose project "${project}" also runs from ${directory}`);
}
