import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** The header that carries the id of a reconcile to the host's log. */
const HEADER = 'x-request-id';

/** The asker's id where it is one, else a new one. It goes into logs, so nothing odd is taken. */
export function requestIdOf({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const id = headers[HEADER];
  return typeof id === 'string' && /^[\w-]{1,64}$/.test(id) ? id : randomUUID();
}
