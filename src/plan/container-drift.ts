import type { ObservedContainer, ObservedService, ObservedTenant } from './observed.js';

/** What is wrong with the containers of one service, and what sets it right. */
export interface ServiceDrift {
  service: string;
  cause: string;
  mend: 'create' | 'start' | 'restart' | 'recreate';
}

/**
 * Compares the containers that are there with the record made after the last successful up. Services that were never
 * brought up by us are not ours to judge. A one-shot that ended well is in order, with or without its container.
 *
 * @returns sorted by service; empty when all is in order
 */
export function findContainerDrift(observed: ObservedTenant): ServiceDrift[] {
  if (!observed.engine || observed.applied?.outcome !== 'verified') return [];
  return observed.services.flatMap((service) => judge(service) ?? []);
}

function judge(service: ObservedService): ServiceDrift | null {
  const { recorded, containers, name } = service;
  if (!recorded) return null;
  if (recorded.completed) {
    const failed = containers.find((container) => container.state === 'exited' && container.exitCode !== 0);
    return failed ? { service: name, cause: `exited with code ${failed.exitCode ?? 'unknown'}`, mend: 'start' } : null;
  }
  const trouble = containers.map(judgeContainer).find((found) => found !== null);
  if (trouble) return { service: name, ...trouble };
  if (containers.length === recorded.count) return null;
  return { service: name, cause: countCause(containers.length, recorded.count), mend: 'create' };
}

function countCause(count: number, expected: number): string {
  if (count === 0) return 'its container is gone';
  return count < expected ? `${count} of ${expected} containers` : `${count} containers instead of ${expected}`;
}

function judgeContainer(container: ObservedContainer): Omit<ServiceDrift, 'service'> | null {
  switch (container.state) {
    case 'running':
      if (container.health === 'unhealthy') return { cause: 'unhealthy', mend: 'restart' };
      break;
    case 'exited':
      return { cause: `exited with code ${container.exitCode ?? 'unknown'}`, mend: 'start' };
    case 'created':
      return { cause: 'created but never started', mend: 'start' };
    case 'restarting':
      return { cause: 'restarting over and over', mend: 'start' };
    case 'paused':
    case 'dead':
    case 'removing':
      return { cause: container.state, mend: 'recreate' };
  }
  if (container.differs.includes('config'))
    return { cause: 'made from another configuration than the one verified', mend: 'recreate' };
  if (container.differs.includes('image'))
    return { cause: 'runs another image than the one verified', mend: 'recreate' };
  return null;
}
