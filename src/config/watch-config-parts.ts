import type { JSONSchema } from 'json-schema-to-ts';
import { DURATION_PATTERN } from '../manifest/duration.js';
import { RETENTION_PATTERN } from './retention.js';

/** The pieces of the configuration's schema. As in manifests, a `title` completes the sentence "expected ...". */

export const path = {
  type: 'string',
  title: 'a path, absolute or relative to this file',
  pattern: '^[^\\u0000]+$',
  maxLength: 4096,
} as const satisfies JSONSchema;

const PORT = '(?:[0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])';

export const listen = {
  type: 'string',
  title: 'ADDRESS:PORT, such as 127.0.0.1:7480 or [::1]:7480, or off',
  pattern: `^(?:off|(?:\\[[0-9a-fA-F:.]+\\]|[^:\\[\\]\\s/]+):${PORT})$`,
} as const satisfies JSONSchema;

export const total = {
  type: 'integer',
  title: 'a whole number from 1 to 1024',
  minimum: 1,
  maximum: 1024,
} as const satisfies JSONSchema;

export const perHost = {
  type: 'integer',
  title: 'a whole number from 1 to 256',
  minimum: 1,
  maximum: 256,
} as const satisfies JSONSchema;

export const logLevel = { enum: ['error', 'warn', 'info', 'debug', 'trace'] } as const satisfies JSONSchema;

export const duration = {
  type: 'string',
  title: 'a duration such as 10m, 90s, 1h30m or 500ms, at most 24h',
  minLength: 2,
  pattern: DURATION_PATTERN,
} as const satisfies JSONSchema;

export const retention = {
  type: 'string',
  title: 'a duration such as 90d, 12h or 1d12h, at least 1h',
  minLength: 2,
  pattern: RETENTION_PATTERN,
} as const satisfies JSONSchema;

export const resync = {
  type: 'object',
  additionalProperties: false,
  description: 'When every instance is looked at again, whether or not something is known to have changed.',
  examples: [{ schedule: '*/10 * * * *', jitter: '1m' }],
  properties: {
    schedule: {
      type: 'string',
      title: 'a cron expression of five fields, such as */10 * * * *',
      maxLength: 256,
      default: '*/10 * * * *',
      description: 'A cron expression of five fields: minute, hour, day of the month, month, day of the week.',
      examples: ['0 * * * *'],
    },
    timeZone: {
      type: 'string',
      title: 'a time zone, such as Europe/Berlin',
      maxLength: 64,
      default: 'UTC',
      description: 'The time zone of the schedule, by its IANA name.',
      examples: ['Europe/Berlin'],
    },
    jitter: {
      ...duration,
      default: '1m',
      description: 'The instances are spread over so much time. May be 0s.',
      examples: ['5m'],
    },
  },
} as const satisfies JSONSchema;

export const variable = {
  type: 'string',
  title: 'the name of an environment variable',
  pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
  maxLength: 256,
} as const satisfies JSONSchema;
