import type { JSONSchema } from 'json-schema-to-ts';
import { path, variable } from './watch-config-parts.js';

/** The configuration of whom the daemon listens to and whom it tells. */

export const webhooks = {
  type: 'array',
  maxItems: 64,
  description:
    'Whose webhooks are listened to, at /webhooks/PROVIDER. Several of one provider: any of their secrets is good.',
  examples: [[{ provider: 'github', secretFile: './webhook-secret' }]],
  items: {
    type: 'object',
    additionalProperties: false,
    required: ['provider'],
    properties: {
      provider: {
        enum: ['github', 'gitlab', 'gitea', 'forgejo'],
        description: 'Who sends them.',
        examples: ['github'],
      },
      secretFile: {
        ...path,
        description: 'A file with the secret, which nobody else may read. Exactly one of secretFile and secretEnv.',
        examples: ['./webhook-secret'],
      },
      secretEnv: {
        ...variable,
        description: 'The environment variable with the secret.',
        examples: ['WEBHOOK_SECRET'],
      },
    },
  },
} as const satisfies JSONSchema;

const HEADER_NAME = "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$";

export const notifications = {
  type: 'array',
  maxItems: 64,
  description: 'Who is told of upgrades, failures and drift.',
  examples: [[{ type: 'slack', urlFile: './slack-url', atLeast: 'warning' }]],
  items: {
    type: 'object',
    additionalProperties: false,
    required: ['type'],
    properties: {
      type: {
        enum: ['webhook', 'slack'],
        description: 'webhook sends JSON by POST; slack sends a text to a Slack-compatible incoming webhook.',
        examples: ['slack'],
      },
      url: {
        type: 'string',
        title: 'an http or https URL',
        pattern: '^https?://[^\\s]+$',
        maxLength: 4096,
        writeOnly: true,
        description: 'Where to. Exactly one of url, urlFile and urlEnv.',
        examples: ['https://alerts.example.org/flotilla'],
      },
      urlFile: {
        ...path,
        description: 'A file with the URL, which nobody else may read.',
        examples: ['./slack-url'],
      },
      urlEnv: { ...variable, description: 'The environment variable with the URL.', examples: ['SLACK_URL'] },
      headers: {
        type: 'object',
        description: 'Headers to send along.',
        examples: [{ 'X-Team': 'ops' }],
        propertyNames: { type: 'string', title: 'the name of an HTTP header', pattern: HEADER_NAME, maxLength: 256 },
        additionalProperties: {
          type: 'string',
          title: 'a text of one line',
          pattern: '^[^\\u0000-\\u001f\\u007f]*$',
          maxLength: 8192,
          writeOnly: true,
        },
      },
      headersFile: {
        ...path,
        description: 'A file with more headers, a "Name: value" each line, which nobody else may read.',
        examples: ['./alert-headers'],
      },
      template: {
        type: 'string',
        maxLength: 65536,
        description:
          'A mustache template of the body (webhook: JSON) or of the text (slack). At most one of template and templateFile.',
        examples: ['{{slug}}: {{message}}'],
      },
      templateFile: { ...path, description: 'A file with the template.', examples: ['./notice.mustache'] },
      atLeast: {
        enum: ['info', 'warning', 'error'],
        default: 'info',
        description: 'Only notices of this severity and above.',
        examples: ['warning'],
      },
    },
  },
} as const satisfies JSONSchema;
