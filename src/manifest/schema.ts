import type { FromSchema, JSONSchema } from 'json-schema-to-ts';
import { maintenance } from './schema-maintenance.js';
import * as parts from './schema-parts.js';
import { templateSchema } from './schema-template.js';

/**
 * The one source of what a manifest may say (JSON Schema 2020-12): it validates, it gives the types below, and editors
 * and the reference are served from it.
 */

const instanceSchema = {
  title: 'Instance',
  description: 'One tenant: one compose project in one directory on one host.',
  type: 'object',
  additionalProperties: false,
  required: ['apiVersion', 'kind', 'metadata', 'spec'],
  properties: {
    apiVersion: parts.apiVersion,
    kind: { const: 'Instance', description: 'What this document declares.', examples: ['Instance'] },
    metadata: {
      type: 'object',
      description: 'What the instance is called.',
      examples: [{ name: 'acme' }],
      additionalProperties: false,
      required: ['name'],
      properties: {
        name: { ...parts.name, description: 'The slug: unique among all instances.', examples: ['acme'] },
        labels: parts.labels,
      },
    },
    spec: {
      type: 'object',
      description: "What the instance should be. What is left out comes from its fleet, then from the field's default.",
      examples: [{ fleet: 'production', host: 'edmonton-1', imageTag: 'v2.4.1' }],
      additionalProperties: false,
      required: ['host'],
      properties: {
        fleet: {
          ...parts.name,
          description: 'The Fleet that gives defaults. Without one, template and imageTag must be given here.',
          examples: ['production'],
        },
        host: { ...parts.name, description: 'The Host that the instance lives on.', examples: ['edmonton-1'] },
        template: parts.template,
        imageTag: parts.imageTag,
        values: parts.values,
        project: {
          ...parts.project,
          description: "The compose project's name, for tenants that were there before. By default the slug.",
          examples: ['acme_prod'],
        },
        directory: {
          ...parts.relativePath,
          description: "The instance's directory under the host's root. By default the slug.",
          examples: ['customers/acme'],
        },
        registered: {
          type: 'boolean',
          default: false,
          description:
            'True for a tenant that its owner installed: its .env is its own, never rendered or written; only the names in it are read.',
          examples: [true],
        },
        suspend: parts.suspend,
        driftPolicy: parts.driftPolicy,
        rollback: parts.rollback,
        deletionPolicy: parts.deletionPolicy,
        maintenance,
        timeouts: parts.timeouts,
      },
    },
  },
} as const satisfies JSONSchema;

const fleetSchema = {
  title: 'Fleet',
  description: 'A group of instances with shared defaults.',
  type: 'object',
  additionalProperties: false,
  required: ['apiVersion', 'kind', 'metadata', 'spec'],
  properties: {
    apiVersion: parts.apiVersion,
    kind: { const: 'Fleet', description: 'What this document declares.', examples: ['Fleet'] },
    metadata: {
      type: 'object',
      description: 'What the fleet is called.',
      examples: [{ name: 'production' }],
      additionalProperties: false,
      required: ['name'],
      properties: {
        name: { ...parts.name, description: 'Unique among all fleets.', examples: ['production'] },
      },
    },
    spec: {
      type: 'object',
      description: "Defaults for the fleet's instances; what an instance says itself wins.",
      examples: [{ template: 'changemaker', imageTag: 'v2.4.0' }],
      additionalProperties: false,
      properties: {
        template: parts.template,
        imageTag: parts.imageTag,
        values: {
          ...parts.values,
          description: "Values for every instance of the fleet, deep-merged under the instance's own.",
        },
        suspend: {
          ...parts.suspend,
          description: 'True to leave every instance of the fleet alone, but for those that say false themselves.',
        },
        driftPolicy: parts.driftPolicy,
        rollback: parts.rollback,
        deletionPolicy: parts.deletionPolicy,
        maintenance,
        timeouts: parts.timeouts,
      },
    },
  },
} as const satisfies JSONSchema;

const hostSchema = {
  title: 'Host',
  description: 'A machine that holds instances: reached through an agent, or local to this process.',
  type: 'object',
  additionalProperties: false,
  required: ['apiVersion', 'kind', 'metadata', 'spec'],
  properties: {
    apiVersion: parts.apiVersion,
    kind: { const: 'Host', description: 'What this document declares.', examples: ['Host'] },
    metadata: {
      type: 'object',
      description: 'What the host is called.',
      examples: [{ name: 'edmonton-1' }],
      additionalProperties: false,
      required: ['name'],
      properties: {
        name: {
          ...parts.name,
          description: "Unique among all hosts; the agent's certificate carries it.",
          examples: ['edmonton-1'],
        },
      },
    },
    spec: {
      type: 'object',
      title: 'exactly one of agent and local',
      description: 'How the host is reached: exactly one of agent and local.',
      examples: [{ agent: 'https://edmonton-1.example.org:7443' }, { local: '../tenants' }],
      additionalProperties: false,
      minProperties: 1,
      maxProperties: 1,
      properties: {
        agent: {
          type: 'string',
          title: 'an https URL of a host and an optional port, such as https://edmonton-1.example.org:7443',
          pattern: '^https://[^\\s/?#@\\\\]+/?$',
          description: "The agent's address.",
          examples: ['https://edmonton-1.example.org:7443'],
        },
        local: {
          type: 'string',
          title: 'a directory, absolute or relative to this file',
          pattern: '^[^\\u0000]+$',
          description: 'A directory on this machine that holds the instances; relative to the file that says it.',
          examples: ['../tenants'],
        },
      },
    },
  },
} as const satisfies JSONSchema;

export type InstanceManifest = FromSchema<typeof instanceSchema>;
export type FleetManifest = FromSchema<typeof fleetSchema>;
export type HostManifest = FromSchema<typeof hostSchema>;
export type TemplateManifest = FromSchema<typeof templateSchema>;

/** The schema of each kind, by the kind's name. */
export const KIND_SCHEMAS = {
  Instance: instanceSchema,
  Fleet: fleetSchema,
  Host: hostSchema,
  Template: templateSchema,
} as const;

export type ManifestKind = keyof typeof KIND_SCHEMAS;

/**
 * The JSON Schema (2020-12) of one kind, or of any document (chosen by its `kind`) when none is named: what
 * `flotilla schema [KIND]` prints for editors.
 */
export function manifestSchema(kind?: ManifestKind): Readonly<Record<string, unknown>> {
  if (kind !== undefined) return { $schema: parts.DIALECT, ...KIND_SCHEMAS[kind] };
  const kinds = Object.keys(KIND_SCHEMAS);
  return {
    $schema: parts.DIALECT,
    title: 'Flotilla manifest',
    description: 'A document of desired state.',
    type: 'object',
    required: ['apiVersion', 'kind'],
    properties: { kind: { enum: kinds, description: 'What this document declares.', examples: kinds } },
    allOf: kinds.map((each) => ({
      if: { required: ['kind'], properties: { kind: { const: each } } },
      // biome-ignore lint/suspicious/noThenProperty: `then` is a keyword of JSON Schema
      then: { $ref: `#/$defs/${each}` },
    })),
    $defs: KIND_SCHEMAS,
  };
}
