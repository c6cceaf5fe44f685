import { hashJson } from './canonical-json.js';
import { entriesOf, entryOf, listOf } from './compose-values.js';

export interface ServiceModel {
  name: string;
  /** '' where the service is only built. */
  image: string;
  /** Sha256 of what compose's config hash covers; changes exactly when `up` recreates for a changed definition. */
  definition: string;
  /**
   * Sha256 of what the hash does not cover and a container is made from: the contents of inline configs, and (where
   * `environment` is given) the values of configs and secrets that come from variables. Depends on secrets: the hash of
   * a short one can be guessed, so it stays on the host.
   */
  inline: string;
  replicas: number;
  /** `no`, `always`, `unless-stopped` or `on-failure[:n]`; `deploy.restart_policy` goes before `restart`, as in compose. */
  restart: string;
  /**
   * Meant to end with exit code 0: nothing restarts it after that, and either another service waits for it with
   * `service_completed_successfully` or the file says `restart: no` in so many words (absent means the same to the
   * engine, but says nothing about what is meant).
   */
  oneShot: boolean;
  /** Host paths it mounts, absolute and sorted: bind sources, files of configs and secrets, bound named volumes. */
  mounts: string[];
  /** Whether the compose file gives one; one built into the image is not seen. */
  hasHealthcheck: boolean;
  /** Services whose containers it takes network, IPC, PIDs or volumes from; sorted. */
  sharesWith: string[];
  profiles: string[];
}

export interface ComposeModel {
  /** By service name; without a prototype, so that any name is safe. */
  services: Record<string, ServiceModel>;
}

/** `inline` of a service that is given nothing of the kind. */
export const NOTHING_INLINE = hashJson([]);

export interface ModelOptions {
  /** The instance's directory, absolute. */
  directory: string;
  /** Where the files were examined instead; every path below it is read as one below `directory`. */
  shadow?: string;
  /** Variables of the project, for `inline`. */
  environment?: ReadonlyMap<string, string>;
  /** Such as `2.26.1`: later versions leave more out of their hash. Unknown: the hash is taken to cover more. */
  composeVersion?: string;
}

/**
 * What compose makes of a project's files.
 *
 * @param configJson what `docker compose config --format json` printed (it doubles every `$`; undone here)
 * @throws Error when it is not such a document; the message holds nothing of it, for it is full of values
 */
export function parseComposeModel(configJson: string, options: ModelOptions): ComposeModel {
  const project = moveShadow(parseJson(configJson), options);
  const services = entriesOf(entryOf(project, 'services'));
  const awaited = new Set(services.flatMap(([, service]) => awaitedBy(service)));
  const models: Record<string, ServiceModel> = Object.create(null);
  for (const [name, service] of services) models[name] = modelOf(name, service, project, awaited, options);
  return { services: models };
}

function parseJson(configJson: string): unknown {
  let parsed: unknown;
  try {
    parsed = JSON.parse(configJson.replaceAll('$$', '$'));
  } catch {
    parsed = undefined;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new Error('the configuration that compose printed is not a JSON object');
  }
  return parsed;
}

function moveShadow(value: unknown, { directory, shadow }: ModelOptions): unknown {
  if (shadow === undefined || shadow === directory) return value;
  // Only the directory itself and what is below it: `/x/stage` is not part of `/x/stage2`.
  const pattern = new RegExp(`${shadow.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?![\\w.-])`, 'g');
  const move = (one: unknown): unknown => {
    if (typeof one === 'string') return one.replace(pattern, () => directory);
    if (Array.isArray(one)) return one.map(move);
    if (typeof one !== 'object' || one === null) return one;
    return Object.fromEntries(Object.entries(one).map(([key, entry]) => [key, move(entry)]));
  };
  return move(value);
}

function modelOf(
  name: string,
  service: unknown,
  project: unknown,
  awaited: ReadonlySet<string>,
  options: ModelOptions,
): ServiceModel {
  const restart = restartOf(service);
  const rests = restart === 'no' || restart.startsWith('on-failure');
  return {
    name,
    image: textOf(entryOf(service, 'image')),
    definition: hashJson(hashedPart(service, options.composeVersion)),
    inline: hashJson(inlineContents(service, project, options.environment)),
    replicas: replicasOf(service),
    restart,
    oneShot: rests && (awaited.has(name) || entryOf(service, 'restart') === 'no'),
    mounts: mountsOf(service, project),
    hasHealthcheck: hasHealthcheck(entryOf(service, 'healthcheck')),
    sharesWith: sharedServices(service),
    profiles: listOf(entryOf(service, 'profiles')).map(textOf),
  };
}

function awaitedBy(service: unknown): string[] {
  return entriesOf(entryOf(service, 'depends_on'))
    .filter(([, dependency]) => entryOf(dependency, 'condition') === 'service_completed_successfully')
    .map(([name]) => name);
}

function restartOf(service: unknown): string {
  const policy = entryOf(entryOf(service, 'deploy'), 'restart_policy');
  if (typeof policy !== 'object' || policy === null) return textOf(entryOf(service, 'restart')) || 'no';
  const condition = textOf(entryOf(policy, 'condition'));
  if (condition === 'none' || condition === 'no') return 'no';
  if (condition !== 'on-failure') return condition === 'unless-stopped' ? condition : 'always';
  const attempts = entryOf(policy, 'max_attempts');
  return typeof attempts === 'number' && attempts > 0 ? `on-failure:${attempts}` : 'on-failure';
}

/**
 * A service without what compose leaves out of its config hash, by experiment and its source (`ServiceHash`):
 * `depends_on` is left out from 2.29.3 on, `profiles` from 2.30.2 on.
 */
function hashedPart(service: unknown, version: string | undefined): unknown {
  const left = new Set(['build', 'pull_policy', 'scale']);
  if (atLeast(version, [2, 29, 3])) left.add('depends_on');
  if (atLeast(version, [2, 30, 2])) left.add('profiles');
  const kept = entriesOf(service)
    .filter(([key]) => !left.has(key))
    .map(([key, value]) => [key, key === 'deploy' ? without(value, 'replicas') : value]);
  return Object.fromEntries(kept);
}

function without(value: unknown, dropped: string): unknown {
  return Object.fromEntries(entriesOf(value).filter(([key]) => key !== dropped));
}

function atLeast(version: string | undefined, wanted: readonly number[]): boolean {
  const parts = /^v?(\d+)\.(\d+)\.(\d+)/
    .exec(version ?? '')
    ?.slice(1)
    .map(Number);
  if (parts === undefined) return false;
  const at = parts.findIndex((part, i) => part !== wanted[i]);
  return at === -1 || (parts[at] as number) > (wanted[at] as number);
}

function inlineContents(service: unknown, project: unknown, environment: ModelOptions['environment']): unknown {
  return usedSources(service, project)
    .map(({ kind, source, definition }) => {
      const variable = entryOf(definition, 'environment');
      const value = typeof variable === 'string' ? environment?.get(variable) : entryOf(definition, 'content');
      return [kind, source, value ?? null];
    })
    .filter(([, , value]) => value !== null);
}

/** The top-level configs and secrets that a service is given, sorted and each once. */
function usedSources(service: unknown, project: unknown): { kind: string; source: string; definition: unknown }[] {
  return ['configs', 'secrets'].flatMap((kind) => {
    const sources = listOf(entryOf(service, kind)).map((entry) =>
      textOf(typeof entry === 'string' ? entry : entryOf(entry, 'source')),
    );
    const unique = [...new Set(sources)].sort();
    return unique.map((source) => ({ kind, source, definition: entryOf(entryOf(project, kind), source) }));
  });
}

function replicasOf(service: unknown): number {
  const deploy = entryOf(service, 'deploy');
  if (entryOf(deploy, 'mode') === 'global') return 1;
  const count = entryOf(service, 'scale') ?? entryOf(deploy, 'replicas');
  return typeof count === 'number' ? count : 1;
}

function mountsOf(service: unknown, project: unknown): string[] {
  const volumes = listOf(entryOf(service, 'volumes')).map((volume) => {
    const source = entryOf(volume, 'source');
    if (entryOf(volume, 'type') === 'bind') return source;
    const options = entryOf(entryOf(entryOf(project, 'volumes'), textOf(source)), 'driver_opts');
    const bound = textOf(entryOf(options, 'o'))
      .split(',')
      .some((option) => option === 'bind' || option === 'rbind');
    return bound ? entryOf(options, 'device') : undefined;
  });
  const files = usedSources(service, project).map(({ definition }) => entryOf(definition, 'file'));
  const paths = [...volumes, ...files].map(textOf).filter((path) => path.startsWith('/'));
  return [...new Set(paths)].sort();
}

function hasHealthcheck(healthcheck: unknown): boolean {
  const test = listOf(entryOf(healthcheck, 'test'));
  return test.length > 0 && test[0] !== 'NONE' && entryOf(healthcheck, 'disable') !== true;
}

function sharedServices(service: unknown): string[] {
  const namespaces = ['network_mode', 'ipc', 'pid'].map((key) => textOf(entryOf(service, key)));
  const shared = namespaces.filter((mode) => mode.startsWith('service:')).map((mode) => mode.slice('service:'.length));
  const volumes = listOf(entryOf(service, 'volumes_from')).map(textOf);
  const from = volumes.filter((volume) => !volume.startsWith('container:')).map((volume) => volume.split(':')[0] ?? '');
  return [...new Set([...shared, ...from])].filter((name) => name !== '').sort();
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
