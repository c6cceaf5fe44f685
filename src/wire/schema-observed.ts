import type { JSONSchema } from 'json-schema-to-ts';
import { name } from '../manifest/schema-parts.js';
import {
  count,
  errorCode,
  flag,
  instant,
  MAX_FILES,
  mode,
  nullable,
  sha256,
  text,
  wireError,
  word,
} from './schema-parts.js';
import { envCoverage } from './schema-tenant.js';

/** What a host answers. Of paths only their length is checked: the host may have found odd ones. */

const path = { type: 'string', maxLength: 4096 } as const satisfies JSONSchema;

const observedFile = {
  type: 'object',
  additionalProperties: false,
  required: ['path', 'sha256', 'mode'],
  properties: { path, sha256: nullable(sha256), mode: nullable(mode) },
} as const satisfies JSONSchema;

const failure = {
  type: 'object',
  additionalProperties: false,
  required: ['at', 'code', 'phase', 'message', 'imageTag'],
  properties: { at: instant, code: errorCode, phase: word, message: text, imageTag: word },
} as const satisfies JSONSchema;

const applied = {
  type: 'object',
  additionalProperties: false,
  required: [
    'generation',
    'project',
    'revision',
    'imageTag',
    'digest',
    'template',
    'files',
    'outcome',
    'unfinished',
    'appliedAt',
    'lastFailure',
    'hold',
  ],
  properties: {
    generation: count,
    project: word,
    revision: word,
    imageTag: word,
    digest: word,
    template: word,
    files: {
      type: 'array',
      maxItems: 2 * MAX_FILES,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['path', 'sha256', 'mode', 'createOnly'],
        properties: { path, sha256, mode, createOnly: flag },
      },
    },
    outcome: { type: 'string', enum: ['committed', 'verified'] },
    unfinished: nullable({
      type: 'object',
      additionalProperties: false,
      required: ['files', 'services'],
      properties: { files: { type: 'array', items: path }, services: { type: 'array', items: word } },
    }),
    appliedAt: instant,
    lastFailure: nullable(failure),
    hold: nullable({
      type: 'object',
      additionalProperties: false,
      required: ['digest', 'imageTag', 'at'],
      properties: { digest: word, imageTag: word, at: instant },
    }),
  },
} as const satisfies JSONSchema;

const container = {
  type: 'object',
  additionalProperties: false,
  required: ['state', 'health', 'exitCode', 'differs'],
  properties: {
    state: {
      type: 'string',
      enum: ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead'],
    },
    health: { enum: ['healthy', 'unhealthy', 'starting', null] },
    exitCode: nullable({ type: 'integer' }),
    differs: { type: 'array', items: { type: 'string', enum: ['image', 'config'] } },
  },
} as const satisfies JSONSchema;

const service = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'recorded', 'containers'],
  properties: {
    name: word,
    recorded: nullable({
      type: 'object',
      additionalProperties: false,
      required: ['count', 'completed'],
      properties: { count, completed: flag },
    }),
    containers: { type: 'array', items: container },
  },
} as const satisfies JSONSchema;

/** What is wrong with one tenant where others are fine. */
const fault = {
  type: 'object',
  additionalProperties: false,
  required: ['code', 'message'],
  properties: { code: errorCode, message: text, hint: text },
} as const satisfies JSONSchema;

/** What a host says of one instance. */
export const observedTenant = {
  type: 'object',
  additionalProperties: false,
  required: [
    'slug',
    'directory',
    'exists',
    'files',
    'applied',
    'services',
    'engine',
    'otherProjects',
    'otherDirectories',
    'lockedBy',
    'interrupted',
    'error',
  ],
  properties: {
    slug: name,
    directory: path,
    exists: flag,
    files: { type: 'array', maxItems: 2 * MAX_FILES, items: observedFile },
    applied: nullable(applied),
    lastFailure: nullable(failure),
    services: { type: 'array', items: service },
    engine: flag,
    otherProjects: { type: 'array', items: word },
    otherDirectories: { type: 'array', items: path },
    lockedBy: nullable({
      type: 'object',
      additionalProperties: false,
      required: ['pid', 'command', 'since'],
      properties: { pid: count, command: text, since: instant },
    }),
    interrupted: flag,
    error: nullable(fault),
  },
} as const satisfies JSONSchema;

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
