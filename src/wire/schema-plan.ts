import type { JSONSchema } from 'json-schema-to-ts';
import { imageTag, name } from '../manifest/schema-parts.js';
import {
  count,
  digest,
  flag,
  instant,
  MAX_FILES,
  mode,
  names,
  nullable,
  sentences,
  sha256,
  text,
  word,
} from './schema-parts.js';
import { composeFiles, envCoverage, fileEntries, managedPath, tenantFields } from './schema-tenant.js';

const fileChange = {
  type: 'object',
  additionalProperties: false,
  required: ['path', 'status', 'cause', 'reason', 'sensitive'],
  properties: {
    path: managedPath,
    status: { type: 'string', enum: ['unchanged', 'modified', 'created', 'deleted', 'kept'] },
    cause: {
      enum: ['new', 'update', 'drift', 'conflict', 'adopt', 'no longer rendered', 'edited on the host', null],
    },
    reason: text,
    sensitive: flag,
  },
} as const satisfies JSONSchema;

const containerChange = {
  type: 'object',
  additionalProperties: false,
  required: ['service', 'action', 'cause'],
  properties: {
    service: word,
    action: { type: 'string', enum: ['create', 'recreate', 'restart', 'signal', 'start', 'remove', 'none'] },
    cause: text,
  },
} as const satisfies JSONSchema;

const write = {
  type: 'object',
  additionalProperties: false,
  required: ['kind', 'path', 'sha256', 'mode', 'inPlace', 'createOnly', 'cause'],
  properties: {
    kind: { const: 'write' },
    path: managedPath,
    sha256,
    mode,
    inPlace: flag,
    createOnly: flag,
    cause: text,
  },
} as const satisfies JSONSchema;

const remove = {
  type: 'object',
  additionalProperties: false,
  required: ['kind', 'path', 'sha256', 'cause'],
  properties: { kind: { const: 'remove' }, path: managedPath, sha256, cause: text },
} as const satisfies JSONSchema;

const step = {
  type: 'object',
  additionalProperties: false,
  required: ['kind', 'cause'],
  properties: { kind: { enum: ['pull', 'verify', 'record'] }, cause: text },
} as const satisfies JSONSchema;

const onServices = {
  type: 'object',
  additionalProperties: false,
  required: ['kind', 'services', 'cause'],
  properties: { kind: { enum: ['removeServices', 'restart'] }, services: names, cause: text },
} as const satisfies JSONSchema;

const down = {
  type: 'object',
  additionalProperties: false,
  required: ['kind', 'services', 'cause'],
  properties: { kind: { const: 'down' }, services: names, cause: text },
} as const satisfies JSONSchema;

const up = {
  type: 'object',
  additionalProperties: false,
  required: ['kind', 'services', 'recreate', 'cause'],
  properties: { kind: { const: 'up' }, services: names, recreate: names, cause: text },
} as const satisfies JSONSchema;

const signal = {
  type: 'object',
  additionalProperties: false,
  required: ['kind', 'service', 'signal', 'cause'],
  properties: {
    kind: { const: 'signal' },
    service: word,
    signal: { type: 'string', pattern: '^[A-Z][A-Z0-9+-]{0,31}$' },
    cause: text,
  },
} as const satisfies JSONSchema;

const gate = {
  type: 'object',
  additionalProperties: false,
  required: ['reason', 'message', 'blocked'],
  properties: {
    reason: {
      type: 'string',
      enum: ['Suspended', 'Locked', 'DriftReported', 'EnvCoverageBlocked', 'RolledBack', 'OutsideWindow'],
    },
    message: text,
    hint: text,
    until: instant,
    blocked: flag,
  },
} as const satisfies JSONSchema;

/** A plan that only takes an instance down renders nothing, and names what was last applied, if anything was. */
const rendersNothing = {
  properties: {
    operations: { type: 'array', maxItems: 1 },
    fileSet: { type: 'array', maxItems: 0 },
    files: { type: 'array', maxItems: 0 },
    compose: { type: 'array', maxItems: 0 },
  },
} as const satisfies JSONSchema;

/** What every other plan renders is known in full. */
const rendersAll = {
  properties: { template: name, imageTag, digest, compose: { ...composeFiles, minItems: 1 } },
} as const satisfies JSONSchema;

const basis = {
  type: 'object',
  additionalProperties: false,
  required: ['files', 'generation'],
  properties: {
    files: {
      type: 'array',
      maxItems: 2 * MAX_FILES,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['path', 'sha256', 'mode'],
        properties: { path: managedPath, sha256: nullable(sha256), mode: nullable(mode) },
      },
    },
    generation: count,
  },
} as const satisfies JSONSchema;

/** The decision, as it is sent to the host that carries it out. */
export const plan = {
  type: 'object',
  additionalProperties: false,
  required: [
    'slug',
    'project',
    'directory',
    'host',
    'template',
    'revision',
    'imageTag',
    'fromImageTag',
    'digest',
    'fileSet',
    'compose',
    'tenantCompose',
    'onChange',
    'released',
    'timeouts',
    'files',
    'containers',
    'operations',
    'envCoverage',
    'warnings',
    'gate',
    'basis',
  ],
  properties: {
    ...tenantFields,
    template: orNothing(name),
    imageTag: orNothing(imageTag),
    digest: orNothing(digest),
    compose: composeFiles,
    fromImageTag: nullable(imageTag),
    fileSet: fileEntries,
    files: { type: 'array', maxItems: 2 * MAX_FILES, items: fileChange },
    containers: nullable({ type: 'array', maxItems: MAX_FILES, items: containerChange }),
    operations: {
      type: 'array',
      maxItems: 2 * MAX_FILES,
      items: { oneOf: [write, remove, step, onServices, up, signal, down] },
    },
    envCoverage: nullable(envCoverage),
    warnings: sentences,
    gate: nullable(gate),
    basis,
  },
  if: {
    properties: { operations: { type: 'array', maxItems: 2 * MAX_FILES, contains: down } },
  },
  // biome-ignore lint/suspicious/noThenProperty: `then` is a keyword of JSON Schema
  then: rendersNothing,
  else: rendersAll,
} as const satisfies JSONSchema;

function orNothing<const T extends JSONSchema>(schema: T): { readonly anyOf: readonly [T, { readonly const: '' }] } {
  return { anyOf: [schema, { const: '' }] };
}
