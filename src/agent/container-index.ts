import type { EngineContainer } from './engine/engine-containers.js';

/** The containers of a host, by what they are asked for. */
export interface ContainerIndex {
  ofProject(project: string): readonly EngineContainer[];
  /** Brought up from this directory, whatever the project. */
  inDirectory(directory: string): readonly EngineContainer[];
}

/** @param questions how many instances will be looked up: for a few, looking through all is cheaper than sorting them first */
export function indexContainers(containers: readonly EngineContainer[], questions: number): ContainerIndex {
  if (questions <= FEW) {
    return {
      ofProject: (wanted) => containers.filter(({ project }) => project === wanted),
      inDirectory: (wanted) => containers.filter(({ workingDir }) => workingDir === wanted),
    };
  }
  const projects = groupBy(containers, ({ project }) => project);
  const directories = groupBy(containers, ({ workingDir }) => workingDir);
  return {
    ofProject: (project) => projects.get(project) ?? NONE,
    inDirectory: (directory) => directories.get(directory) ?? NONE,
  };
}

const FEW = 4;
const NONE: readonly EngineContainer[] = [];

function groupBy(
  containers: readonly EngineContainer[],
  keyOf: (container: EngineContainer) => string,
): Map<string, EngineContainer[]> {
  const groups = new Map<string, EngineContainer[]>();
  for (const container of containers) {
    const key = keyOf(container);
    const group = groups.get(key);
    if (group) group.push(container);
    else groups.set(key, [container]);
  }
  return groups;
}
