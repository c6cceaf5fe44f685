import type { JSONSchema } from 'json-schema-to-ts';
import { DURATION_PATTERN } from './duration.js';

/** The longest window; a longer one is better said by what it leaves out. */
export const LONGEST_WINDOW_MS = 7 * 24 * 60 * 60 * 1000;

const windowRule = {
  type: 'object',
  additionalProperties: false,
  required: ['cron', 'duration'],
  properties: {
    cron: {
      type: 'string',
      title:
        'a cron expression of five fields in quotes: minute, hour, day of month, month, day of week, such as "0 22 * * 1-5"',
      // `?` stands for the present moment and is left out: a manifest means the same at any time
      pattern: '^[0-9A-Za-z*,/#-]+(?: +[0-9A-Za-z*,/#-]+){4}$',
      maxLength: 256,
      description: 'When a window begins, as the clock of the time zone shows it.',
      examples: ['0 22 * * 1-5'],
    },
    duration: {
      type: 'string',
      title: 'a duration such as 2h, 90m or 1h30m, above 0 and at most 168h',
      minLength: 2,
      pattern: DURATION_PATTERN,
      description: 'How long it lasts from then: real time, whatever the clock does meanwhile.',
      examples: ['4h'],
    },
  },
} as const satisfies JSONSchema;

const windowRules = {
  type: 'array',
  title: 'a list of at most 32 windows',
  maxItems: 32,
  items: windowRule,
} as const satisfies JSONSchema;

/** When updates may be applied. */
export const maintenance = {
  type: 'object',
  additionalProperties: false,
  description:
    "When updates may be applied; drift is healed at any time. An instance's whole block stands in for its fleet's; an empty one allows any time.",
  examples: [{ timeZone: 'Europe/Berlin', allow: [{ cron: '0 22 * * 1-5', duration: '4h' }] }],
  properties: {
    timeZone: {
      type: 'string',
      title: 'an IANA time zone such as Europe/Berlin',
      pattern: '^[A-Za-z][A-Za-z0-9_+/-]*$',
      maxLength: 64,
      default: 'UTC',
      description: 'The zone whose clock the cron expressions follow.',
      examples: ['Europe/Berlin'],
    },
    allow: {
      ...windowRules,
      description: 'Updates are applied in these windows only. Left out or empty: at any time.',
      examples: [[{ cron: '0 22 * * 1-5', duration: '4h' }]],
    },
    deny: {
      ...windowRules,
      description: 'Updates are not applied in these windows, whatever is allowed.',
      examples: [[{ cron: '0 0 24 12 *', duration: '72h' }]],
    },
  },
} as const satisfies JSONSchema;
