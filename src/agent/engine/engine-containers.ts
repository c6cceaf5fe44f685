import { FlotillaError } from '../../errors.js';
import type { ContainerState, ObservedContainer } from '../../plan/observed.js';

/** A container of a compose project, as one call for the whole host gives it. */
export interface EngineContainer {
  id: string;
  project: string;
  service: string;
  /** Absolute: the directory that the project was brought up from. */
  workingDir: string;
  /** Counts the containers of a service from 1. */
  number: number;
  /** Compose's hash of the definition that it was made from. */
  configHash: string;
  /** `sha256:...` */
  imageId: string;
  /** The name that it was made from; `sha256:...` when its tag has moved since. */
  image: string;
  state: ContainerState;
  health: ObservedContainer['health'];
  /** null while it has not ended. */
  exitCode: number | null;
}

const STATES: ReadonlySet<string> = new Set<ContainerState>([
  'created',
  'running',
  'paused',
  'restarting',
  'removing',
  'exited',
  'dead',
]);

/**
 * @param body what `GET /containers/json` answered. Health and exit code stand only in its text `Status`.
 * @param oneOff whether containers of `compose run` are wanted, too
 * @throws FlotillaError EngineUnreachable when it is not such an answer
 */
export function parseContainerList(body: unknown, { oneOff = false } = {}): EngineContainer[] {
  if (!Array.isArray(body)) throw notUnderstood();
  return body.flatMap((entry) => parseContainer(entry, oneOff) ?? []);
}

function parseContainer(entry: unknown, oneOff: boolean): EngineContainer | null {
  const { Id, ImageID, Image, State, Status, Labels } = asRecord(entry);
  const label = labelReader(Labels);
  if (typeof Id !== 'string' || typeof State !== 'string' || !STATES.has(State)) throw notUnderstood();
  // Made by `compose run`, or labelled by hand: not one of the project's services.
  if ((label('oneoff').toLowerCase() === 'true' && !oneOff) || label('service') === '') return null;
  const status = typeof Status === 'string' ? Status : '';
  return {
    id: Id,
    project: label('project'),
    service: label('service'),
    workingDir: label('project.working_dir'),
    number: Number(label('container-number')) || 1,
    configHash: label('config-hash'),
    imageId: typeof ImageID === 'string' ? ImageID : '',
    image: typeof Image === 'string' ? Image : '',
    state: State as ContainerState,
    health: healthOf(status),
    exitCode: exitCodeOf(status),
  };
}

function labelReader(labels: unknown): (name: string) => string {
  const all = labels === null || labels === undefined ? {} : asRecord(labels);
  return (name) => {
    const value = all[`com.docker.compose.${name}`];
    return typeof value === 'string' ? value : '';
  };
}

/** `Up 2 minutes (healthy)`, `Up 1 second (health: starting)`, `Up 5 minutes (unhealthy)`. */
function healthOf(status: string): EngineContainer['health'] {
  const health = /^Up .*\((?:health: )?(healthy|unhealthy|starting)\)/.exec(status)?.[1];
  return (health as EngineContainer['health'] | undefined) ?? null;
}

/** `Exited (137) 3 seconds ago`, `Restarting (1) 2 seconds ago`. */
function exitCodeOf(status: string): number | null {
  const code = /^(?:Exited|Restarting) \((\d+)\)/.exec(status)?.[1];
  return code === undefined ? null : Number(code);
}

function asRecord(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  throw notUnderstood();
}

function notUnderstood() {
  return new FlotillaError('EngineUnreachable', 'the Docker Engine gave an answer that cannot be understood');
}
