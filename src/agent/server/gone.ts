import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';

const watched = new WeakMap<ServerResponse, Set<() => void>>();

/**
 * Calls `work` once: when the answer has been sent, or when the asker has gone before. An answer that waits behind another
 * one on its connection (pipelining) has no socket yet and is not told of its end, so the connection is watched, too.
 */
export function whenOver(reply: FastifyReply, work: () => void): void {
  if (isOver(reply)) work();
  else (watched.get(reply.raw) ?? watch(reply)).add(work);
}

/** Whether nobody waits for an answer any more. */
export function isOver({ raw, request }: FastifyReply): boolean {
  return raw.destroyed || request.raw.socket.destroyed;
}

/** Aborted once the asker has gone away before it was answered. */
export function signalOf(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  whenOver(reply, () => {
    if (!reply.raw.writableFinished) controller.abort();
  });
  return controller.signal;
}

function watch({ raw, request }: FastifyReply): Set<() => void> {
  const works = new Set<() => void>();
  const { socket } = request.raw;
  const over = () => {
    raw.off('close', over);
    socket.off('close', over);
    for (const work of works) work();
    works.clear();
  };
  raw.on('close', over);
  socket.on('close', over);
  watched.set(raw, works);
  return works;
}
