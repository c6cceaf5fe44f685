/** One step forward that compose reported, in our own words: nothing of its text is passed on. */
export type ComposeEvent =
  | { kind: 'service'; service: string; status: string }
  /** Layers of all images that are being pulled: compose does not say whose they are. */
  | { kind: 'layers'; done: number; total: number };

const PULL_STATUSES = new Map([
  ['Pulling', 'pulling'],
  ['Pulled', 'pulled'],
  ['Skipped', 'not pulled'],
  ['Error', 'pull failed'],
]);

const CONTAINER_STATUSES = new Map([
  ['Creating', 'creating'],
  ['Created', 'created'],
  ['Recreate', 'recreating'],
  ['Recreated', 'recreated'],
  ['Starting', 'starting'],
  ['Started', 'started'],
  ['Waiting', 'waiting for it'],
  ['Healthy', 'healthy'],
  ['Exited', 'exited'],
  ['Running', 'running already'],
  ['Restarting', 'restarting'],
  ['Stopping', 'stopping'],
  ['Stopped', 'stopped'],
  ['Killing', 'signalling'],
  ['Killed', 'signalled'],
  ['Error', 'failed'],
]);

const LAYER_STARTED = /^\s*([0-9a-f]{12})\s+(Pulling fs layer|Already exists)\s*$/;
const LAYER_DONE = /^\s*([0-9a-f]{12})\s+(Pull complete|Already exists)\s*$/;

/**
 * Reads the lines that compose writes with `--progress plain`.
 * @param services the only names that an event may carry
 */
export function createProgressReader(
  project: string,
  services: ReadonlySet<string>,
): (line: string) => ComposeEvent | null {
  const started = new Set<string>();
  const done = new Set<string>();
  return (line) => {
    const begun = LAYER_STARTED.exec(line)?.[1];
    const ended = LAYER_DONE.exec(line)?.[1];
    if (begun !== undefined) started.add(begun);
    if (ended !== undefined) done.add(ended);
    if (begun !== undefined || ended !== undefined) return { kind: 'layers', done: done.size, total: started.size };
    return parseServiceProgress(line, project, services);
  };
}

function parseServiceProgress(line: string, project: string, services: ReadonlySet<string>): ComposeEvent | null {
  const [first = '', second = '', third = ''] = line.trim().split(/\s+/, 3);
  if (first === 'Container') return serviceEvent(serviceOf(second, project), CONTAINER_STATUSES.get(third), services);
  return serviceEvent(first, PULL_STATUSES.get(second), services);
}

/** A container's default name is `<project>-<service>-<number>`; one with a `container_name` is not recognised. */
function serviceOf(container: string, project: string): string {
  const name = container.startsWith(`${project}-`) ? container.slice(project.length + 1) : '';
  return name.replace(/-\d+$/, '');
}

function serviceEvent(service: string, status: string | undefined, services: ReadonlySet<string>): ComposeEvent | null {
  return status !== undefined && services.has(service) ? { kind: 'service', service, status } : null;
}
