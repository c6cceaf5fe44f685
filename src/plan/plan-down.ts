import { FlotillaError } from '../errors.js';
import type { Timeouts } from '../manifest/desired-state.js';
import { lockedGate } from './gates.js';
import type { ObservedTenant } from './observed.js';
import type { Plan } from './plan.js';
import { findSecondStack } from './second-stack.js';

/** What is still known of an instance whose manifest was removed. */
export interface RemovedTenant {
  slug: string;
  project: string;
  directory: string;
  host: string;
  timeouts: Timeouts;
  /** The one that no longer has it. */
  revision: string;
  /** It was tried before, and failed: also where no container is left, there is something to do. */
  unfinished?: boolean;
}

/**
 * Plans what `deletionPolicy: Down` asks for: every container and network of the project goes; volumes, files and images stay.
 * Without containers the plan is empty, unless an earlier one was left unfinished. Pure.
 *
 * @throws FlotillaError ProjectMismatch | ProjectTaken when other containers would have to be touched; EngineUnreachable when
 * the observation does not tell what runs
 */
export function planDown(removed: RemovedTenant, observed: ObservedTenant): Plan {
  refuseOtherStack(removed, observed);
  if (!observed.engine) {
    throw new FlotillaError('EngineUnreachable', `${removed.slug}: the engine did not say which containers it has`);
  }
  const { slug, project, directory, host, timeouts, revision } = removed;
  const { applied } = observed;
  const cause = 'its manifest was removed';
  const services = observed.services.filter(({ containers }) => containers.length > 0).map(({ name }) => name);
  return {
    ...NOTHING_RENDERED,
    slug,
    project,
    directory,
    host,
    timeouts,
    revision,
    template: applied?.template ?? '',
    imageTag: applied?.imageTag ?? '',
    fromImageTag: applied?.imageTag ?? null,
    digest: applied?.digest ?? '',
    containers: services.map((service) => ({ service, action: 'remove', cause })),
    operations: services.length === 0 && !removed.unfinished ? [] : [{ kind: 'down', services, cause }],
    gate: services.length > 0 && observed.lockedBy ? lockedGate(observed.lockedBy) : null,
    basis: { files: [], generation: applied?.generation ?? 0 },
  };
}

const NOTHING_RENDERED = {
  fileSet: [],
  compose: [],
  tenantCompose: [],
  onChange: [],
  released: [],
  files: [],
  envCoverage: null,
  warnings: [],
} as const;

function refuseOtherStack({ slug, project }: RemovedTenant, observed: ObservedTenant): void {
  const stack = findSecondStack(project, observed);
  if (stack === null) return;
  if (stack.kind === 'project') {
    throw new FlotillaError(
      'ProjectMismatch',
      `${slug}: its manifest was removed, but the containers in ${observed.directory} run as compose project "${stack.project}", not as "${project}"; none was touched`,
      { hint: `docker compose -p ${stack.project} down on the host removes them` },
    );
  }
  throw new FlotillaError(
    'ProjectTaken',
    `${slug}: its manifest was removed, but compose project "${project}" also runs from ${stack.directory}; no container was touched`,
    { hint: 'remove by hand, on the host, what is no longer wanted' },
  );
}
