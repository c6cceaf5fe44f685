import type { DesiredHost, DesiredInstance } from './desired-state.js';
import type { PlacedFinding } from './finding.js';
import { formatPlace } from './index-names.js';
import type { ManifestDocument } from './manifest-document.js';

export interface Placed {
  document: ManifestDocument<'Instance'>;
  instance: DesiredInstance;
}

/**
 * Instances that would get in each other's way: one compose project or one directory for two, or a directory inside
 * another's. Reports each of them and returns their slugs: none of them is safe to converge. Local hosts are one
 * machine with one engine, whatever they are called.
 */
export function findCollisions(
  placed: readonly Placed[],
  hosts: ReadonlyMap<string, DesiredHost>,
  findings: PlacedFinding[],
): ReadonlySet<string> {
  const projects = groupBy(placed, ({ instance }) => `${machineOf(instance, hosts)}\0${instance.project}`);
  const directories = groupBy(placed, ({ instance }) => directoryOf(instance, hosts));
  const colliding = new Set<string>();
  const report = (each: Placed, field: 'project' | 'directory', relation: string, others: readonly Placed[]) => {
    colliding.add(each.instance.slug);
    findings.push(collision(each, field, relation, others));
  };
  const reportShared = (field: 'project' | 'directory', group: readonly Placed[]) => {
    if (group.length === 1) return;
    for (const each of group) report(each, field, 'is also', others(group, each));
  };
  for (const group of projects.values()) reportShared('project', group);
  for (const [directory, group] of directories) {
    reportShared('directory', group);
    for (const outer of enclosing(directory, directories)) {
      for (const inner of group) report(inner, 'directory', 'is inside', [outer]);
      report(outer, 'directory', 'contains', group);
    }
  }
  return colliding;
}

function machineOf({ host }: DesiredInstance, hosts: ReadonlyMap<string, DesiredHost>): string {
  const desired = hosts.get(host);
  return desired?.kind === 'agent' ? desired.url : 'local';
}

/** Unique over all machines: a local directory is absolute, any other starts with its agent's URL. */
function directoryOf({ host, directory }: DesiredInstance, hosts: ReadonlyMap<string, DesiredHost>): string {
  const desired = hosts.get(host);
  return `${desired?.kind === 'local' ? desired.root : desired?.url}/${directory}`;
}

function enclosing(directory: string, directories: ReadonlyMap<string, readonly Placed[]>): Placed[] {
  const found: Placed[] = [];
  for (let slash = directory.indexOf('/', 1); slash !== -1; slash = directory.indexOf('/', slash + 1)) {
    found.push(...(directories.get(directory.slice(0, slash)) ?? []));
  }
  return found;
}

function others(group: readonly Placed[], one: Placed): Placed[] {
  return group.filter((each) => each !== one);
}

function collision(
  { document, instance }: Placed,
  field: 'project' | 'directory',
  relation: string,
  others: readonly Placed[],
): PlacedFinding {
  const isOwn = document.manifest.spec[field] !== undefined;
  const subject = `${field} ${instance[field]} on host ${instance.host}`;
  return {
    code: 'ManifestInvalid',
    message: `${subject} ${relation} that of ${names(others)}`,
    hint: `give each of them a spec.${field} of its own`,
    path: isOwn ? ['spec', field] : ['metadata', 'name'],
    place: document.place,
  };
}

function names(placed: readonly Placed[]): string {
  const shown = placed.slice(0, 5).map(({ document }) => `${document.name} (${formatPlace(document.place)})`);
  return shown.join(', ') + (placed.length > 5 ? ` and ${placed.length - 5} more` : '');
}

function groupBy(placed: readonly Placed[], keyOf: (placed: Placed) => string): Map<string, Placed[]> {
  const groups = new Map<string, Placed[]>();
  for (const each of placed) {
    const key = keyOf(each);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [each]);
    else group.push(each);
  }
  return groups;
}
