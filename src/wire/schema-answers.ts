import type { JSONSchema } from 'json-schema-to-ts';
import { name } from '../manifest/schema-parts.js';
import { fault, path } from './schema-observed.js';
import { count, flag, instant, MAX_FILES, nullable, text, wireError, word } from './schema-parts.js';
import { envCoverage } from './schema-tenant.js';

/** What a host answers besides what it observed. */

export const fileDiffs = {
  type: 'array',
  maxItems: 2 * MAX_FILES,
  items: {
    type: 'object',
    additionalProperties: false,
    required: ['path', 'diff', 'truncated', 'omittedLines'],
    properties: { path, diff: { type: 'string' }, truncated: flag, omittedLines: count },
  },
} as const satisfies JSONSchema;

const forecast = {
  type: 'object',
  additionalProperties: false,
  required: [
    'name',
    'image',
    'previousImage',
    'replicas',
    'oneShot',
    'mounts',
    'sharesWith',
    'definition',
    'inlineChanged',
  ],
  properties: {
    name: word,
    image: text,
    previousImage: nullable(text),
    replicas: count,
    oneShot: flag,
    mounts: { type: 'array', items: path },
    sharesWith: { type: 'array', items: word },
    definition: { type: 'string', enum: ['new', 'update', 'environment', 'same'] },
    inlineChanged: flag,
  },
} as const satisfies JSONSchema;

export const inspection = {
  type: 'object',
  additionalProperties: false,
  required: ['diffs', 'envCoverage', 'problems', 'forecast', 'refused'],
  properties: {
    diffs: fileDiffs,
    envCoverage,
    problems: { type: 'array', items: text },
    forecast: nullable({ type: 'array', items: forecast }),
    refused: nullable(fault),
  },
} as const satisfies JSONSchema;

export const generation = {
  type: 'object',
  additionalProperties: false,
  required: ['number', 'revision', 'imageTag', 'digest', 'committedAt', 'cause', 'outcome', 'live'],
  properties: {
    number: count,
    revision: word,
    imageTag: word,
    digest: word,
    committedAt: instant,
    cause: text,
    outcome: { type: 'string', enum: ['committed', 'verified', 'failed'] },
    live: flag,
  },
} as const satisfies JSONSchema;

const phase = {
  type: 'string',
  enum: [
    'lock',
    'recover',
    'stage',
    'validate',
    'pull',
    'commit',
    'remove',
    'up',
    'restart',
    'settle',
    'verify',
    'record',
  ],
} as const satisfies JSONSchema;

const applyResult = {
  type: 'object',
  additionalProperties: false,
  required: ['generation', 'phases', 'recreated', 'restarted'],
  properties: {
    generation: count,
    phases: {
      type: 'array',
      maxItems: 100,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['phase', 'durationMs'],
        properties: { phase, durationMs: { type: 'integer', minimum: 0 } },
      },
    },
    recreated: { type: 'array', items: word },
    restarted: { type: 'array', items: word },
  },
} as const satisfies JSONSchema;

/** One line of the stream that an apply answers with: steps, `alive` while nothing happens, then a result or an error. */
export const applyLine = {
  oneOf: [
    {
      type: 'object',
      additionalProperties: false,
      required: ['type', 'phase'],
      properties: { type: { const: 'progress' }, phase, service: word, message: text },
    },
    { type: 'object', additionalProperties: false, required: ['type'], properties: { type: { const: 'alive' } } },
    {
      type: 'object',
      additionalProperties: false,
      required: ['type', 'result'],
      properties: { type: { const: 'result' }, result: applyResult },
    },
    {
      type: 'object',
      additionalProperties: false,
      required: ['type', 'error'],
      properties: { type: { const: 'error' }, error: wireError },
    },
  ],
} as const satisfies JSONSchema;

/** One server-sent event's data. */
export const hostEvent = {
  oneOf: [
    {
      type: 'object',
      additionalProperties: false,
      required: ['type', 'slug', 'path'],
      properties: { type: { const: 'file' }, slug: name, path: text },
    },
    {
      type: 'object',
      additionalProperties: false,
      required: ['type', 'slug', 'service', 'action'],
      properties: { type: { const: 'container' }, slug: name, service: word, action: word },
    },
    {
      type: 'object',
      additionalProperties: false,
      required: ['type'],
      properties: { type: { const: 'resync', description: 'Events may have been missed: look at all.' } },
    },
  ],
} as const satisfies JSONSchema;
