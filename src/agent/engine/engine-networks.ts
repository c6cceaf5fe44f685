import { FlotillaError } from '../../errors.js';
import { type EngineAddress, requestEngine } from './engine-request.js';
import { labelFilter } from './label-filter.js';

/** How the engine refuses to remove a network that something is connected to. */
const IN_USE: readonly number[] = [403, 409];
const ACCEPTED = [404, ...IN_USE];

/**
 * Removes the networks that compose made for a project (https://docs.docker.com/reference/api/engine/, `/networks`).
 * @returns the names of those that stay because something is connected to them, sorted
 * @throws FlotillaError EngineUnreachable, TimedOut, Cancelled
 */
export async function removeNetworks(
  engine: EngineAddress,
  project: string,
  options: { timeoutMs: number; signal?: AbortSignal },
): Promise<string[]> {
  const { body } = await requestEngine(engine, 'GET', `/networks?${labelFilter(project)}`, options);
  const kept: string[] = [];
  for (const { id, name } of parseNetworks(body)) {
    const path = `/networks/${encodeURIComponent(id)}`;
    const { status } = await requestEngine(engine, 'DELETE', path, { ...options, accept: ACCEPTED });
    if (IN_USE.includes(status)) kept.push(name);
  }
  return kept.sort();
}

function parseNetworks(body: unknown): { id: string; name: string }[] {
  if (!Array.isArray(body)) throw notUnderstood();
  return body.map((entry: unknown) => {
    const { Id, Name } = (entry ?? {}) as { Id?: unknown; Name?: unknown };
    if (typeof Id !== 'string' || typeof Name !== 'string') throw notUnderstood();
    return { id: Id, name: Name };
  });
}

function notUnderstood(): FlotillaError {
  return new FlotillaError('EngineUnreachable', 'the Docker Engine gave an answer that cannot be understood');
}
