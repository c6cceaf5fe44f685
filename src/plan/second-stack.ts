import type { ObservedTenant } from './observed.js';

/** Where containers run that stand in the way of a compose project in its directory. */
export type SecondStack =
  /** Another project runs from the directory. */
  | { kind: 'project'; project: string }
  /** The project runs from another directory. */
  | { kind: 'directory'; directory: string };

/** What of the observation belongs to another stack than the instance's own; null when there is no such thing. */
export function findSecondStack(project: string, observed: ObservedTenant): SecondStack | null {
  const [other] = observed.otherProjects;
  if (other !== undefined && observed.applied?.project !== project) return { kind: 'project', project: other };
  const [elsewhere] = observed.otherDirectories;
  return elsewhere === undefined ? null : { kind: 'directory', directory: elsewhere };
}
