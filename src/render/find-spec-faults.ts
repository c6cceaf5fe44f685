import { nearestName } from '../manifest/nearest.js';
import type { OnChangeRule } from './file-set.js';
import { clashesOf, pathFault } from './rendered-path.js';
import type { TemplateFile } from './template.js';
import type { FileRule } from './template-files.js';
import type { SpecFault } from './template-source.js';

export interface SpecPaths {
  compose: readonly string[];
  tenantCompose: readonly string[];
  onChange: readonly OnChangeRule[];
  rules: readonly FileRule[];
}

/** What template.yaml says of files that are not there, or of files that cannot be what it says. */
export function findSpecFaults(spec: SpecPaths, files: readonly TemplateFile[]): SpecFault[] {
  return [
    ...spec.rules.flatMap(({ path }, i) => ruleFaults(path, i, spec, files)),
    ...spec.compose.flatMap((path, i) => composeFaults(path, i, spec, files)),
    ...spec.tenantCompose.flatMap((path, i) => tenantFaults(path, i, files)),
    ...spec.onChange.flatMap(({ path }, i) => onChangeFaults(path, i, files)),
  ];
}

function ruleFaults(path: string, i: number, { rules }: SpecPaths, files: readonly TemplateFile[]): SpecFault[] {
  const at = ['spec', 'files', i, 'path'];
  if (!files.some((file) => file.path === path)) {
    return [{ path: at, message: `no file of the template is ${path}`, ...nearestFile(path, files) }];
  }
  const repeated = rules.findIndex((rule) => rule.path === path) < i;
  return repeated ? [{ path: at, message: `there are two rules for ${path}` }] : [];
}

function composeFaults(path: string, i: number, { compose }: SpecPaths, files: readonly TemplateFile[]): SpecFault[] {
  const at = compose.length === 1 ? ['spec', 'compose'] : ['spec', 'compose', i];
  const file = files.find((candidate) => candidate.path === path);
  if (!file) return [{ path: at, message: `no file of the template is ${path}`, ...nearestFile(path, files) }];
  if (file.pathNodes !== null) return [{ path: at, message: `a compose file's name cannot hold tags: ${path}` }];
  if (file.ownership === 'CreateOnly' || file.unlessRegistered) {
    const message = `the compose file ${path} must be ours: neither CreateOnly nor unlessRegistered`;
    return [{ path: at, message, hint: "list the tenant's own compose files under tenantCompose" }];
  }
  return [];
}

function tenantFaults(path: string, i: number, files: readonly TemplateFile[]): SpecFault[] {
  const at = ['spec', 'tenantCompose', i];
  const fault = pathFault(path);
  if (fault !== null) return [{ path: at, message: `the path ${path} ${fault}` }];
  const still = files.filter((file) => file.pathNodes === null).map((file) => file.path);
  const clash = clashesOf([...still, path]).find(([clashing, other]) => clashing === path || other === path);
  if (!clash) return [];
  const message = `${path} is the tenant's own, and the template has a file there`;
  return [{ path: at, message, hint: `remove it from tenantCompose, or files/${clash[1]} from the template` }];
}

function onChangeFaults(path: string, i: number, files: readonly TemplateFile[]): SpecFault[] {
  const covered = files.some((file) => file.path === path || file.path.startsWith(`${path}/`));
  // A file whose name holds tags may turn out to be there.
  if (covered || files.some((file) => file.pathNodes !== null)) return [];
  const message = `no file of the template is ${path}, or lies under it`;
  return [{ path: ['spec', 'onChange', i, 'path'], message, ...nearestFile(path, files) }];
}

function nearestFile(path: string, files: readonly TemplateFile[]): { hint?: string } {
  const near = nearestName(
    path,
    files.map((file) => file.path),
  );
  return near === undefined ? {} : { hint: `did you mean ${near}?` };
}
