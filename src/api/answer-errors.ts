import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { answerClientFault } from '../client-fault.js';

/** What a request that is not served is answered with. */
interface Fault {
  status: number;
  code: string;
  message: string;
}

const INTERNAL: Fault = {
  status: 500,
  code: 'Internal',
  message: 'something went wrong; the log of the daemon says more',
};
const NO_ROUTE: Fault = { status: 404, code: 'RouteNotFound', message: 'there is no such route' };
const FAULTS: Readonly<Record<number, Fault>> = {
  404: NO_ROUTE,
  413: { status: 413, code: 'RequestTooLarge', message: 'the request is larger than what is taken' },
};
const INVALID: Fault = { status: 400, code: 'RequestInvalid', message: 'the request is not as it should be' };

/** Every answer that is not a success is `{ code, message }`; of an error that nobody expected it says nothing. */
export function answerErrors(app: FastifyInstance): void {
  app.setErrorHandler<FastifyError>(answerFault);
  app.setNotFoundHandler((_, reply) => send(reply, NO_ROUTE));
}

export function answerFault(error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { statusCode = 500 } = error;
  const isClients = statusCode >= 400 && statusCode < 500;
  if (!isClients) request.log.error({ err: error }, 'unexpected error');
  return send(reply, isClients ? (FAULTS[statusCode] ?? INVALID) : INTERNAL);
}

function send(reply: FastifyReply, { status, code, message }: Fault): FastifyReply {
  return reply.code(status).send({ code, message });
}

/** What a fault in HTTP itself is answered with. */
export function onClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  answerClientFault(error, socket, (message) => ({ code: INVALID.code, message }));
}
