import type { OnChangeRule } from '../render/file-set.js';
import type { ServiceDrift } from './container-drift.js';
import type { AppliedView, ObservedService, ObservedTenant, ServiceForecast } from './observed.js';
import type { ContainerChange, FileChange } from './plan.js';
import { covers } from './plan-files.js';

/** What happens to one service's containers; `by` says who brings it about. */
export interface ServicePlan extends ContainerChange {
  /** up: compose does it by itself; recreate: compose must be told to; restart, signal: a step after up. */
  by: 'up' | 'recreate' | 'restart' | 'signal' | 'remove' | 'nobody';
  signal?: string;
}

interface ContainerInput {
  forecast: readonly ServiceForecast[];
  observed: ObservedTenant;
  drift: readonly ServiceDrift[];
  files: readonly FileChange[];
  onChange: readonly OnChangeRule[];
  /** The files were never successfully brought up. */
  unverified: boolean;
  unfinished: AppliedView['unfinished'];
}

/**
 * Says what happens to the containers of each service and why. Pure prediction: `up` itself decides by compose's
 * config hash, which `ServiceForecast.definition` stands for.
 *
 * @returns sorted by service
 */
export function planContainers(input: ContainerInput): ServicePlan[] {
  const observed = new Map(input.observed.services.map((service) => [service.name, service]));
  const drift = new Map(input.drift.map((found) => [found.service, found]));
  const plans = new Map(
    input.forecast.map((service) => [
      service.name,
      planService(service, observed.get(service.name), drift.get(service.name), input),
    ]),
  );
  for (const service of input.observed.services) {
    const ours = service.recorded !== null || input.unfinished?.services.includes(service.name);
    if (ours && service.containers.length > 0 && !plans.has(service.name)) {
      plans.set(service.name, { service: service.name, action: 'remove', cause: 'no longer defined', by: 'remove' });
    }
  }
  followSharing(input.forecast, plans);
  if ([...plans.values()].some((plan) => plan.by === 'up' || plan.by === 'recreate'))
    rerunOneShots(input.forecast, plans);
  return [...plans.values()].sort((a, b) => (a.service < b.service ? -1 : 1));
}

function planService(
  service: ServiceForecast,
  observed: ObservedService | undefined,
  drift: ServiceDrift | undefined,
  input: ContainerInput,
): ServicePlan {
  const plan = (action: ServicePlan['action'], by: ServicePlan['by'], cause: string): ServicePlan => ({
    service: service.name,
    action,
    by,
    cause,
  });
  const present = (observed?.containers.length ?? 0) > 0;
  if (service.replicas === 0) return present ? plan('remove', 'up', 'scaled to 0') : plan('none', 'nobody', '');
  const completedBefore = observed?.recorded?.completed === true;
  if (!present && !(completedBefore && service.definition === 'same'))
    return plan('create', 'up', missingCause(service, drift));
  if (service.definition === 'update' || service.definition === 'new')
    return plan('recreate', 'up', updateCause(service));
  if (service.definition === 'environment') return plan('recreate', 'up', environmentCause(input));
  if (service.inlineChanged)
    return plan('recreate', 'recreate', 'the content of a config or secret that it uses changed');
  if (drift && drift.mend !== 'restart')
    return plan(drift.mend, drift.mend === 'recreate' ? 'recreate' : 'up', drift.cause);
  const started = input.unverified ? stoppedCause(observed) : null;
  if (started) return plan('start', 'up', started);
  const reaction = service.oneShot ? null : reactToFiles(service, input);
  const unwell = drift?.cause ?? (input.unverified ? unwellCause(observed) : null);
  // A signal does not help what is unhealthy; a restart does what the signal is for, too.
  if (reaction && (unwell === null || reaction.by !== 'signal')) return reaction;
  if (unwell !== null) return plan('restart', 'restart', unwell);
  const count = observed?.containers.length ?? 0;
  if (!service.oneShot && count !== service.replicas)
    return plan('create', 'up', `replicas ${count} -> ${service.replicas}`);
  return plan('none', 'nobody', '');
}

function missingCause(service: ServiceForecast, drift: ServiceDrift | undefined): string {
  if (service.previousImage === null) return 'new service';
  return drift?.cause ?? 'it has no container';
}

function updateCause(service: ServiceForecast): string {
  const { image, previousImage } = service;
  if (previousImage === null || image === previousImage) return 'its definition changed';
  const [now, before] = [splitTag(image), splitTag(previousImage)];
  const sameName = now.name === before.name && now.tag !== '' && before.tag !== '';
  return sameName ? `image changed: ${before.tag} -> ${now.tag}` : `image changed: ${previousImage} -> ${image}`;
}

/** `registry:5000/app/api:v1` is `registry:5000/app/api` with tag `v1`; no tag, or a digest, gives an empty one. */
function splitTag(image: string): { name: string; tag: string } {
  const colon = image.lastIndexOf(':');
  if (colon <= image.lastIndexOf('/') || image.includes('@')) return { name: image, tag: '' };
  return { name: image.slice(0, colon), tag: image.slice(colon + 1) };
}

function environmentCause({ unverified }: ContainerInput): string {
  return unverified ? 'changed since the last successful up' : 'its .env or env_file changed since the last up';
}

/** Containers that an unfinished upgrade left behind are started by the next up. */
function stoppedCause(observed: ObservedService | undefined): string | null {
  const stopped = observed?.containers.find(
    (container) => container.state === 'created' || (container.state === 'exited' && container.exitCode !== 0),
  );
  if (!stopped) return null;
  return stopped.state === 'created'
    ? 'created but never started'
    : `exited with code ${stopped.exitCode ?? 'unknown'}`;
}

/** The next up takes a container that runs for one in order. */
function unwellCause(observed: ObservedService | undefined): string | null {
  const unwell = observed?.containers.some(({ state, health }) => state === 'running' && health === 'unhealthy');
  return unwell ? 'unhealthy' : null;
}

/** The strongest reaction that any changed file under one of the service's mounts asks for. */
function reactToFiles(service: ServiceForecast, { files, onChange, unfinished }: ContainerInput): ServicePlan | null {
  const changed = files.filter((file) => file.status !== 'unchanged' && file.status !== 'kept').map(({ path }) => path);
  const reactions = [...new Set([...changed, ...(unfinished?.files ?? [])])]
    .sort()
    .flatMap((path) => reactToFile(service, path, onChange) ?? []);
  const rank = { recreate: 0, restart: 1, signal: 2 } as Record<string, number>;
  return reactions.sort((a, b) => (rank[a.by] ?? 9) - (rank[b.by] ?? 9))[0] ?? null;
}

function reactToFile(service: ServiceForecast, path: string, rules: readonly OnChangeRule[]): ServicePlan | null {
  const rule = rules.find((candidate) => candidate.service === service.name && covers(candidate.path, path));
  if (!rule && !service.mounts.some((mount) => covers(mount, path))) return null;
  const action = rule?.action ?? 'Restart';
  const base = { service: service.name, cause: `${path} changed` };
  if (action === 'None') return null;
  if (action === 'Recreate') return { ...base, action: 'recreate', by: 'recreate' };
  if (action === 'Restart') return { ...base, action: 'restart', by: 'restart' };
  return {
    ...base,
    action: 'signal',
    by: 'signal',
    signal: action.slice('Signal:'.length),
  };
}

/** A container that lives in another's namespaces, or takes its volumes, is made anew with it. */
function followSharing(forecast: readonly ServiceForecast[], plans: Map<string, ServicePlan>): void {
  for (let changed = true; changed; ) {
    changed = false;
    for (const service of forecast) {
      const own = plans.get(service.name);
      if (!own || (own.action !== 'none' && own.action !== 'restart' && own.action !== 'signal')) continue;
      for (const name of service.sharesWith) {
        const other = plans.get(name);
        if (other?.action === 'recreate' || other?.action === 'create') {
          plans.set(service.name, {
            service: service.name,
            action: 'recreate',
            by: 'up',
            cause: `follows ${name}, which is made anew`,
          });
          changed = true;
          break;
        }
        if (other?.action === 'restart' && own.action === 'none') {
          plans.set(service.name, {
            service: service.name,
            action: 'restart',
            by: 'restart',
            cause: `follows ${name}, which is restarted`,
          });
          changed = true;
          break;
        }
      }
    }
  }
}

/** Every `up` starts one-shots that have ended again. */
function rerunOneShots(forecast: readonly ServiceForecast[], plans: Map<string, ServicePlan>): void {
  for (const service of forecast) {
    if (service.oneShot && plans.get(service.name)?.action === 'none') {
      plans.set(service.name, {
        service: service.name,
        action: 'start',
        by: 'up',
        cause: 'a one-shot: every up runs it again',
      });
    }
  }
}
