import type { FromSchema } from 'json-schema-to-ts';
import { FlotillaError } from '../errors.js';
import type { wireError } from './schema-parts.js';

export type WireError = FromSchema<typeof wireError>;

/** What may leave the host of an error: never its cause. An error that nobody raised on purpose is reduced to its kind. */
export function toWireError(error: unknown): WireError {
  if (!(error instanceof FlotillaError)) {
    return { code: 'Internal', message: 'unexpected error on the host', hint: "the agent's log says where" };
  }
  const { code, message, hint, phase } = error;
  return { code, message, ...(hint !== undefined && { hint }), ...(phase !== undefined && { phase }) };
}

export function fromWireError({ code, message, hint, phase }: WireError): FlotillaError {
  return new FlotillaError(code, message, {
    ...(hint !== undefined && { hint }),
    ...(phase !== undefined && { phase }),
  });
}
