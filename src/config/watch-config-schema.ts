import type { FromSchema, JSONSchema } from 'json-schema-to-ts';
import { apiVersion, DIALECT } from '../manifest/schema-parts.js';
import * as parts from './watch-config-parts.js';
import { source } from './watch-config-source.js';
import { notifications, webhooks } from './watch-config-talk.js';

/**
 * The one source of what the daemon's configuration file may say (JSON Schema 2020-12), as the manifests' schemas are. What
 * is `writeOnly` may hold a secret: it is shown in no error.
 */
export const watchConfigSchema = {
  $schema: DIALECT,
  title: 'WatchConfig',
  description:
    'What flotilla watch is told. Paths are relative to this file. Flags and environment variables win over it.',
  type: 'object',
  additionalProperties: false,
  required: ['apiVersion', 'kind', 'spec'],
  properties: {
    apiVersion,
    kind: { const: 'WatchConfig', description: 'What this document declares.', examples: ['WatchConfig'] },
    spec: {
      type: 'object',
      description: 'How the daemon works. All of it can be left out.',
      examples: [{ state: '/var/lib/flotilla', concurrency: { perHost: 2 } }],
      additionalProperties: false,
      properties: {
        source,
        state: {
          ...parts.path,
          default: './state',
          description: 'The directory of what the daemon remembers: its history, its clone of the repository.',
          examples: ['/var/lib/flotilla'],
        },
        pki: {
          ...parts.path,
          default: './pki/controller',
          description: "The directory with the controller's certificate.",
          examples: ['/etc/flotilla/pki/controller'],
        },
        listen: {
          ...parts.listen,
          default: '127.0.0.1:7480',
          description: 'Where metrics, probes and webhooks are served over HTTP.',
          examples: ['0.0.0.0:7480', 'off'],
        },
        concurrency: {
          type: 'object',
          additionalProperties: false,
          description: 'How many instances are worked on at once.',
          examples: [{ total: 100, perHost: 4 }],
          properties: {
            total: { ...parts.total, default: 400, description: 'Over all hosts.', examples: [100] },
            perHost: { ...parts.perHost, default: 4, description: 'On one host.', examples: [2] },
          },
        },
        resync: parts.resync,
        shrinkTo: {
          type: 'number',
          title: 'a number from 0 to 1',
          minimum: 0,
          maximum: 1,
          default: 0.5,
          description:
            'A revision that leaves fewer than this part of the instances is refused until it is confirmed. 0 refuses none.',
          examples: [0.8],
        },
        history: {
          type: 'object',
          additionalProperties: false,
          description: 'What is remembered of the past.',
          examples: [{ retention: '90d' }],
          properties: {
            retention: {
              ...parts.retention,
              default: '90d',
              description: "How long upgrades and decisions are kept. An instance's newest upgrade is kept for ever.",
              examples: ['365d'],
            },
          },
        },
        webhooks,
        notifications,
        log: {
          type: 'object',
          additionalProperties: false,
          description: 'The log on standard error.',
          examples: [{ level: 'debug' }],
          properties: {
            level: {
              ...parts.logLevel,
              default: 'info',
              description: 'What is logged, and all above it.',
              examples: ['debug'],
            },
          },
        },
      },
    },
  },
} as const satisfies JSONSchema;

/** A document that the schema has accepted. */
export type WatchConfigDocument = FromSchema<typeof watchConfigSchema, { keepDefaultedPropertiesOptional: true }>;
export type WatchConfigSpec = WatchConfigDocument['spec'];
