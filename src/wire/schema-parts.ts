import type { JSONSchema } from 'json-schema-to-ts';
import { ERROR_CODES, type ErrorCode } from '../errors.js';

/** The pieces that several messages between controller and agent use. Everything is bounded: a peer may send anything. */

/** Files of one instance, and whatever is listed once a file. */
export const MAX_FILES = 1000;
/** Services of one instance, and whatever is listed once a service. */
const MAX_SERVICES = 1000;

export const sha256 = { type: 'string', pattern: '^[0-9a-f]{64}$' } as const satisfies JSONSchema;
export const digest = { type: 'string', pattern: '^sha256:[0-9a-f]{64}$' } as const satisfies JSONSchema;
export const text = { type: 'string', maxLength: 65_536 } as const satisfies JSONSchema;
export const word = { type: 'string', maxLength: 256 } as const satisfies JSONSchema;
export const flag = { type: 'boolean' } as const satisfies JSONSchema;
export const count = { type: 'integer', minimum: 0 } as const satisfies JSONSchema;
export const mode = {
  type: 'integer',
  minimum: 0,
  maximum: 0o7777,
  description: 'Permission bits.',
} as const satisfies JSONSchema;
export const paths = {
  type: 'array',
  maxItems: MAX_FILES,
  items: { type: 'string', minLength: 1, maxLength: 1024 },
} as const satisfies JSONSchema;
export const names = { type: 'array', maxItems: MAX_SERVICES, items: word } as const satisfies JSONSchema;
export const sentences = { type: 'array', maxItems: MAX_FILES, items: text } as const satisfies JSONSchema;
/** ISO 8601, UTC. */
export const instant = { type: 'string', maxLength: 40 } as const satisfies JSONSchema;

const milliseconds = { type: 'integer', minimum: 0, maximum: 86_400_000 } as const satisfies JSONSchema;

export const timeouts = {
  type: 'object',
  additionalProperties: false,
  required: ['pullMs', 'upMs', 'verifyMs', 'settleMs'],
  properties: { pullMs: milliseconds, upMs: milliseconds, verifyMs: milliseconds, settleMs: milliseconds },
} as const satisfies JSONSchema;

export const errorCode = {
  type: 'string',
  enum: Object.keys(ERROR_CODES) as ErrorCode[],
} as const;

/** An error as it travels: what a person may read, and nothing of its cause. */
export const wireError = {
  type: 'object',
  additionalProperties: false,
  required: ['code', 'message'],
  properties: { code: errorCode, message: text, hint: text, phase: word },
} as const satisfies JSONSchema;

/** What every answer that is not a success carries. */
export const errorAnswer = {
  type: 'object',
  additionalProperties: false,
  required: ['error'],
  properties: { error: wireError },
} as const satisfies JSONSchema;

/** `schema`, or null. */
export function nullable<const T extends JSONSchema>(
  schema: T,
): { readonly anyOf: readonly [T, { readonly type: 'null' }] } {
  return { anyOf: [schema, { type: 'null' }] };
}
