import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

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

/** How long whoever is told what is wrong has to go, in milliseconds. */
const FAREWELL_MS = 1000;

/** What a fault in HTTP itself is answered with, on the bare socket: a request that is slow, too large or not HTTP. */
export function onClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  // an answer that has begun cannot be followed by another in its middle
  const begun = (socket as { _httpMessage?: ServerResponse })._httpMessage?.headersSent;
  if (error.code === 'ECONNRESET' || !socket.writable || begun) {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : error.code === 'HPE_HEADER_OVERFLOW' ? 431 : INVALID.status;
  const body = JSON.stringify({ code: INVALID.code, message: INVALID.message });
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: application/json\r\n`;
  socket.end(`${head}content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`);
  const farewell = setTimeout(() => socket.destroy(), FAREWELL_MS);
  socket.once('close', () => clearTimeout(farewell));
}
