import type { JSONSchema } from 'json-schema-to-ts';
import * as parts from './schema-parts.js';

const filePath = {
  ...parts.relativePath,
  description: 'The rendered path, relative to the instance.',
  examples: ['configs/site.yml'],
} as const satisfies JSONSchema;

const composeFile = {
  ...parts.relativePath,
  description: 'A compose file, relative to the instance.',
  examples: ['docker-compose.yml'],
} as const satisfies JSONSchema;

const fileRule = {
  type: 'object',
  description: 'What is special about one rendered file.',
  examples: [{ path: '.env', sensitive: true, mode: '0600', unlessRegistered: true }],
  additionalProperties: false,
  required: ['path'],
  properties: {
    path: filePath,
    sensitive: {
      type: 'boolean',
      default: false,
      description: 'True when the file holds secrets: a diff says that it changed and masks every value.',
      examples: [true],
    },
    mode: {
      type: 'string',
      title: 'permission bits as octal digits in quotes, such as "0600"',
      pattern: '^0?[0-7]{3}$',
      default: '0644',
      description: 'Permission bits, octal, in quotes (YAML reads a bare 0600 as the number 600).',
      examples: ['0600'],
    },
    ownership: {
      enum: ['Managed', 'CreateOnly'],
      default: 'Managed',
      description: "Managed is kept as rendered; CreateOnly is written once where it is absent, then the tenant's own.",
      examples: ['CreateOnly'],
    },
    unlessRegistered: {
      type: 'boolean',
      default: false,
      description:
        "True to leave the file to a registered tenant: it is then the tenant's own, never rendered or written.",
      examples: [true],
    },
  },
} as const satisfies JSONSchema;

const onChangeRule = {
  type: 'object',
  description: 'What to do with a service once a file that it reads has changed.',
  examples: [{ path: 'nginx/nginx.conf', service: 'nginx', action: 'Signal:SIGHUP' }],
  additionalProperties: false,
  required: ['path', 'service', 'action'],
  properties: {
    path: filePath,
    service: {
      type: 'string',
      title: 'the name of a compose service: letters, digits, ".", "_" and "-"',
      pattern: '^[a-zA-Z0-9._-]+$',
      description: 'The service of the compose file.',
      examples: ['nginx'],
    },
    action: {
      type: 'string',
      title: 'Restart, Recreate, None or Signal:NAME (such as Signal:SIGHUP)',
      pattern: '^(?:Restart|Recreate|None|Signal:[A-Z][A-Z0-9+-]*)$',
      description: 'Restart, Recreate, None, or Signal: and the name of the signal to send.',
      examples: ['Signal:SIGHUP'],
    },
  },
} as const satisfies JSONSchema;

/** templates/NAME/template.yaml */
export const templateSchema = {
  title: 'Template',
  description: "How a template's folder renders: templates/NAME/template.yaml.",
  type: 'object',
  additionalProperties: false,
  required: ['apiVersion', 'kind', 'metadata', 'spec'],
  properties: {
    apiVersion: parts.apiVersion,
    kind: { const: 'Template', description: 'What this document declares.', examples: ['Template'] },
    metadata: {
      type: 'object',
      description: 'What the template is called.',
      examples: [{ name: 'changemaker' }],
      additionalProperties: false,
      required: ['name'],
      properties: {
        name: { ...parts.name, description: "The same as its folder's name.", examples: ['changemaker'] },
      },
    },
    spec: {
      type: 'object',
      description: 'Which files it renders to, and how they are treated.',
      examples: [{ compose: 'docker-compose.yml' }],
      additionalProperties: false,
      required: ['compose'],
      properties: {
        compose: {
          description: 'The compose file or files, in the order that compose is given them.',
          examples: ['docker-compose.yml', ['docker-compose.yml', 'docker-compose.jobs.yml']],
          type: ['string', 'array'],
          title: parts.relativePath.title,
          pattern: parts.relativePath.pattern,
          items: composeFile,
          minItems: 1,
          uniqueItems: true,
        },
        tenantCompose: {
          type: 'array',
          description: "The tenant's own compose files: used after ours where they are there, never written.",
          examples: [['docker-compose.override.yml']],
          items: composeFile,
          uniqueItems: true,
        },
        valuesSchema: {
          type: 'object',
          description: "A JSON Schema (2020-12) that an instance's merged values must meet.",
          examples: [{ type: 'object', required: ['domain'], properties: { domain: { type: 'string' } } }],
        },
        files: {
          type: 'array',
          description: 'Rules for single files. A file without one is Managed, mode 0644, not sensitive.',
          examples: [[{ path: '.env', sensitive: true, mode: '0600' }]],
          items: fileRule,
        },
        onChange: {
          type: 'array',
          description:
            'What to do when a changed file is mounted into a service. By default the services that mount it restart.',
          examples: [[{ path: 'nginx/nginx.conf', service: 'nginx', action: 'Signal:SIGHUP' }]],
          items: onChangeRule,
        },
      },
    },
  },
} as const satisfies JSONSchema;
