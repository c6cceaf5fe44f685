import { join } from 'node:path';
import { FlotillaError } from '../../errors.js';
import type { HostConfig } from '../host.js';
import { type ComposeVerb, classifyComposeFailure, type ServiceImage } from './compose-error.js';
import { runDocker } from './compose-process.js';
import { type ComposeEvent, createProgressReader } from './compose-progress.js';

/** What every call names explicitly, so that neither a `.env` nor the agent's environment can choose it. */
export interface ComposeProject {
  project: string;
  /** Absolute. A `.env` in it is read by compose itself. */
  directory: string;
  /** Relative to the directory, in order. */
  files: readonly string[];
}

export interface ComposeCall {
  timeoutMs: number;
  signal?: AbortSignal;
  /** The lock's descriptor: held by compose, too, for as long as it runs. */
  lockFd?: number;
  /** Words of the rendered compose files: what an error may show. See `knownWords`. */
  known?: ReadonlySet<string>;
  /** The images of the services, to name the service whose image is missing. */
  images?: readonly ServiceImage[];
  /** Names that `onEvent` may report. */
  services?: ReadonlySet<string>;
  onEvent?: (event: ComposeEvent) => void;
}

/** One `docker compose` process a call. Callers hold the instance's lock: two `up` at once can wedge a project for good. */
export interface Compose {
  /** The resolved model as JSON text. It holds values of the tenant's `.env`: it must not leave the host. Needs no engine. */
  config(project: ComposeProject, call: ComposeCall): Promise<string>;
  pull(project: ComposeProject, call: ComposeCall): Promise<void>;
  /** Brings all services up and does not wait for their health. Orphans stay: they may be the tenant's own. */
  up(project: ComposeProject, call: ComposeCall): Promise<void>;
  upForceRecreate(project: ComposeProject, services: readonly string[], call: ComposeCall): Promise<void>;
  restart(project: ComposeProject, services: readonly string[], call: ComposeCall): Promise<void>;
  /** Sends a signal such as `SIGHUP` to every container of the service. */
  signal(project: ComposeProject, service: string, signal: string, call: ComposeCall): Promise<void>;
  /**
   * Such as `2.26.1-4`. Asked again once it is a minute old: an operator may upgrade it under a running agent. Takes no
   * signal, for the answer is shared.
   */
  version(call: Pick<ComposeCall, 'timeoutMs'>): Promise<string>;
}

const VERSION_AGE_MS = 60_000;

/** @returns a Compose whose methods throw FlotillaError only, with messages that hold no value of a tenant */
export function createCompose(host: HostConfig): Compose {
  const run = (verb: ComposeVerb, argv: readonly string[], call: ComposeCall, project?: ComposeProject) =>
    runCompose(host, verb, argv, call, project);
  const version = remember(VERSION_AGE_MS);
  return {
    config: (project, call) => run('config', ['--format', 'json'], call, project),
    async pull(project, call) {
      await run('pull', ['--ignore-buildable'], call, project);
    },
    async up(project, call) {
      await run('up', ['--detach'], call, project);
    },
    async upForceRecreate(project, services, call) {
      await run('up', ['--detach', '--force-recreate', '--no-deps', '--', ...services], call, project);
    },
    async restart(project, services, call) {
      await run('restart', ['--no-deps', '--', ...services], call, project);
    },
    async signal(project, service, signal, call) {
      await run('kill', ['--signal', signal, '--', service], call, project);
    },
    version: ({ timeoutMs }) => version(async () => (await run('version', ['--short'], { timeoutMs })).trim()),
  };
}

/** One question for all who ask at the same time or soon after; failures are not kept. */
function remember(ageMs: number): (ask: () => Promise<string>) => Promise<string> {
  let known: { answer: Promise<string>; until: number } | undefined;
  return (ask) => {
    if (known === undefined || performance.now() > known.until) {
      const asked = { answer: ask(), until: performance.now() + ageMs };
      asked.answer.catch(() => {
        if (known === asked) known = undefined;
      });
      known = asked;
    }
    return known.answer;
  };
}

async function runCompose(
  host: HostConfig,
  verb: ComposeVerb,
  argv: readonly string[],
  call: ComposeCall,
  project: ComposeProject | undefined,
): Promise<string> {
  const head = project === undefined ? ['compose'] : projectFlags(project);
  const result = await runDocker(host, [...head, verb, ...argv], processCall(call, project)).catch((error: unknown) => {
    throw named(error, verb);
  });
  if (result.exitCode === 0) return result.stdout;
  throw classifyComposeFailure({
    exitCode: result.exitCode,
    stderr: result.stderr,
    known: call.known ?? new Set(),
    project: project?.project ?? '',
    images: call.images ?? [],
    verb,
  });
}

function projectFlags(project: ComposeProject): string[] {
  return [
    'compose',
    '--ansi=never',
    '--progress=plain',
    `--project-name=${project.project}`,
    `--project-directory=${project.directory}`,
    ...project.files.map((file) => `--file=${join(project.directory, file)}`),
  ];
}

function processCall(call: ComposeCall, project: ComposeProject | undefined) {
  const { onEvent, services } = call;
  if (onEvent === undefined || services === undefined || project === undefined) return call;
  const read = createProgressReader(project.project, services);
  return {
    ...call,
    onStderrLine(line: string) {
      const event = read(line);
      if (event !== null) onEvent(event);
    },
  };
}

/** Says which command it was that ran out of time. */
function named(error: unknown, verb: ComposeVerb): unknown {
  if (!(error instanceof FlotillaError) || error.code !== 'TimedOut') return error;
  return new FlotillaError('TimedOut', error.message.replace('docker', `docker compose ${verb}`), {
    hint:
      verb === 'pull'
        ? 'Raise spec.timeouts.pull, or look at the registry.'
        : 'Raise spec.timeouts.up, or look at the host.',
  });
}
