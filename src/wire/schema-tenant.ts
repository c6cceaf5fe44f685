import type { JSONSchema } from 'json-schema-to-ts';
import { driftPolicy, imageTag, name, project, relativePath } from '../manifest/schema-parts.js';
import { count, digest, flag, MAX_FILES, mode, sha256, timeouts, word } from './schema-parts.js';

/** As `relativePath`, and not in Flotilla's own directory, however that is written. */
export const managedPath = {
  ...relativePath,
  pattern: `^(?!(?:.*/)?\\.[fF][lL][oO][tT][iI][lL][lL][aA](?:/|$))${relativePath.pattern.slice(1)}`,
} as const satisfies JSONSchema;

/** Which instance, and where on its host: the part of every request that says so. */
export const instanceRef = {
  slug: name,
  project,
  directory: managedPath,
} as const;

const fileEntry = {
  type: 'object',
  additionalProperties: false,
  required: ['path', 'sha256', 'mode', 'size', 'sensitive', 'ownership'],
  properties: {
    path: managedPath,
    sha256,
    mode,
    size: count,
    sensitive: flag,
    ownership: { type: 'string', enum: ['Managed', 'CreateOnly'] },
  },
} as const satisfies JSONSchema;

export const fileEntries = { type: 'array', maxItems: MAX_FILES, items: fileEntry } as const satisfies JSONSchema;

export const composeFiles = { type: 'array', maxItems: 64, items: managedPath } as const satisfies JSONSchema;

const onChange = {
  type: 'array',
  maxItems: MAX_FILES,
  items: {
    type: 'object',
    additionalProperties: false,
    required: ['path', 'service', 'action'],
    properties: {
      path: managedPath,
      service: word,
      action: { type: 'string', pattern: '^(?:Restart|Recreate|None|Signal:[A-Z][A-Z0-9+-]{0,31})$' },
    },
  },
} as const satisfies JSONSchema;

/** What a plan and a desired tenant have in common. */
export const tenantFields = {
  ...instanceRef,
  host: name,
  template: name,
  revision: word,
  imageTag,
  digest,
  compose: { ...composeFiles, minItems: 1 },
  tenantCompose: composeFiles,
  onChange,
  released: { type: 'array', maxItems: MAX_FILES, items: managedPath },
  timeouts,
} as const;

/** A rendered instance without the bytes. */
export const desiredTenant = {
  type: 'object',
  additionalProperties: false,
  required: [
    'slug',
    'project',
    'directory',
    'host',
    'fleet',
    'template',
    'revision',
    'imageTag',
    'registered',
    'suspend',
    'driftPolicy',
    'timeouts',
    'digest',
    'files',
    'released',
    'compose',
    'tenantCompose',
    'onChange',
  ],
  properties: {
    ...tenantFields,
    fleet: { anyOf: [name, { type: 'null' }] },
    registered: flag,
    suspend: flag,
    driftPolicy,
    files: fileEntries,
  },
} as const satisfies JSONSchema;

/** The bytes of files by path, in base64. What is known of them besides stands in the tenant or the plan. */
export const contents = {
  type: 'object',
  maxProperties: MAX_FILES,
  additionalProperties: { type: 'string', pattern: '^[A-Za-z0-9+/]*={0,2}$' },
} as const satisfies JSONSchema;

const variables = { type: 'array', maxItems: 10_000, items: word } as const satisfies JSONSchema;

export const envCoverage = {
  type: 'object',
  additionalProperties: false,
  required: ['required', 'missingInTenantEnv', 'blocking', 'newlyNeeded', 'suspect'],
  properties: {
    required: variables,
    missingInTenantEnv: variables,
    blocking: variables,
    newlyNeeded: variables,
    suspect: variables,
  },
} as const satisfies JSONSchema;
