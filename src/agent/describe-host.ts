import { FlotillaError } from '../errors.js';
import type { InfoAnswer } from '../wire/messages.js';
import { findInstances } from './find-instances.js';
import type { TenantHost } from './tenant-host.js';

/** Says what is on this host. What does not answer is a problem in the answer, not an error. */
export async function describeHost(host: TenantHost, self: { name: string; version: string }): Promise<InfoAnswer> {
  const problems: string[] = [];
  const ask = (question: Promise<string>): Promise<string | null> =>
    question.catch((error: unknown) => {
      problems.push(error instanceof FlotillaError ? error.message : 'unexpected error');
      return null;
    });
  const [engine, compose] = await Promise.all([
    ask(host.engine.version().then((version) => version.engine)),
    ask(host.composeVersion()),
  ]);
  const instances = findInstances(host.config.root);
  return { host: self.name, agent: self.version, engine, compose, problems, instances };
}
