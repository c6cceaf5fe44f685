import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BenchFleet, NEW_TAG, type RecordedContainers, writeFleet, writeTenants } from '../fleet.js';
import { type Agents, startWatchAgents } from './agents.js';
import { COMPOSE_VERSION, CONFIG_HASH, IMAGE_ID, SERVICE, stubModel } from './stub-model.js';

/** A fleet on agents whose engines are stubs, all of it in sync, one running container each. */
export interface WatchFleet extends BenchFleet {
  directory: string;
  agents: Agents;
  /** Slug and host, in the order of their numbers. */
  instances: readonly { slug: string; host: string }[];
  /** Gives one instance a tag of its own, or another one. */
  setTag(slug: string, imageTag: string): void;
  /** The tag of all that have none of their own. */
  setFleetTag(imageTag: string): void;
}

export async function createWatchFleet(directory: string, count: number, hostCount: number): Promise<WatchFleet> {
  const hosts = Array.from({ length: hostCount }, (_, i) => `host-${String(i).padStart(3, '0')}`);
  const fleet = writeFleet(directory, count, hosts);
  // What is waited for after `up` is a setting, and no work.
  appendFileSync(join(fleet.manifests, 'fleet.yaml'), '  timeouts: { settle: 0s }\n');
  await writeTenants(fleet, NEW_TAG, oneContainer);
  const agents = await startWatchAgents(fleet, hosts);
  const instances = Array.from({ length: count }, (_, i) => ({
    slug: `tenant-${String(i).padStart(5, '0')}`,
    host: hosts[i % hostCount] as string,
  }));
  const fileOf = (slug: string) => join(fleet.manifests, 'instances', `${slug}.yaml`);
  return {
    ...fleet,
    directory,
    agents,
    instances,
    setTag(slug, imageTag) {
      const text = readFileSync(fileOf(slug), 'utf8').replace(/^ {2}imageTag: .*\n/m, '');
      writeFileSync(fileOf(slug), `${text}  imageTag: ${imageTag}\n`);
    },
    setFleetTag(imageTag) {
      const file = join(fleet.manifests, 'fleet.yaml');
      writeFileSync(file, readFileSync(file, 'utf8').replace(/imageTag: .*/, `imageTag: ${imageTag}`));
    },
  };
}

function oneContainer(project: string, directory: string): RecordedContainers {
  const text = readFileSync(join(directory, 'docker-compose.yml'), 'utf8');
  const { definition, inline } = stubModel(project, directory, text).services[SERVICE]!;
  const service = { name: SERVICE, count: 1, completed: false, oneShot: false };
  const made = { imageIds: [IMAGE_ID], configHashes: [CONFIG_HASH], definition, inline };
  return { services: [{ ...service, ...made }], composeVersion: COMPOSE_VERSION };
}
