import type { JSONSchema } from 'json-schema-to-ts';
import { name } from '../manifest/schema-parts.js';
import { count, errorCode, flag, instant, MAX_FILES, mode, nullable, sha256, text, word } from './schema-parts.js';

/** What a host answers. Of paths only their length is checked: the host may have found odd ones. */

export const path = { type: 'string', maxLength: 4096 } as const satisfies JSONSchema;

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
export const fault = {
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
