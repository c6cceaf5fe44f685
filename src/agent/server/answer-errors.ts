import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { answerClientFault } from '../../client-fault.js';
import { FlotillaError } from '../../errors.js';
import { toWireError } from '../../wire/errors.js';
import { describeFault } from '../../wire/validate-message.js';
import { statusOf } from './status-codes.js';

/** Every answer that is not a success is `{ error: { code, message, hint } }`, with the status that its code has. */
export function answerErrors(app: FastifyInstance): void {
  app.setErrorHandler<FastifyError>(answerError);
  app.setNotFoundHandler((_, reply) => {
    const error = new FlotillaError('RouteNotFound', 'an agent has no such route', {
      hint: 'openapi.json lists what it can be asked; controller and agent may be of different versions',
    });
    return reply.code(404).send({ error: toWireError(error) });
  });
}

export function answerError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const known = translate(error);
  if (known === null) request.log.error({ err: error }, 'unexpected error');
  return reply
    .code(known === null ? 500 : statusOf(known.code))
    .headers(known?.code === 'HostBusy' ? { 'retry-after': '5' } : {})
    .send({ error: toWireError(known ?? error) });
}

/** What a fault in HTTP itself is answered with. */
export function onClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  answerClientFault(error, socket, (message) => ({ error: { code: 'RequestInvalid', message } }));
}

/** null for an error that nobody expected. */
function translate(error: FastifyError | FlotillaError): FlotillaError | null {
  if (error instanceof FlotillaError) return error;
  if (error.validation) {
    const fault = describeFault(error.validation);
    return new FlotillaError('RequestInvalid', `the request is not as it should be: ${fault}`, {
      hint: 'controller and agent may be of different versions: flotilla --version on both',
    });
  }
  switch (error.statusCode) {
    case 413:
      return new FlotillaError('RequestTooLarge', 'the request is larger than an agent takes');
    case 400:
    case 414:
    case 415:
      return error.code === 'FST_ERR_BAD_URL' || error.code === 'FST_ERR_MAX_PARAM_LENGTH'
        ? new FlotillaError('RequestInvalid', 'the path of the request is not one')
        : new FlotillaError('RequestInvalid', 'the request is not JSON, or not whole');
    default:
      return null;
  }
}
