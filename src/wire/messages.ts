import type { FromSchema, JSONSchema } from 'json-schema-to-ts';
import { name, relativePath } from '../manifest/schema-parts.js';
import { applyLine, fileDiffs, generation, hostEvent, inspection } from './schema-answers.js';
import { observedTenant } from './schema-observed.js';
import { count, digest, flag, names, nullable, paths, sentences, timeouts, word } from './schema-parts.js';
import { plan } from './schema-plan.js';
import { contents, desiredTenant, instanceRef } from './schema-tenant.js';

/** The messages between controller and agent. Types and validation come from these schemas, and so does openapi.json. */

/** Instances in one observation. */
const MAX_INSTANCES = 1000;

/** The version of an observation that the asker has already: what has not changed is not sent again. */
const observationTag = { type: 'string', pattern: '^[0-9a-z]{1,32}$' } as const satisfies JSONSchema;

const renderedPaths = { ...paths, items: relativePath } as const satisfies JSONSchema;

const observeBody = {
  type: 'object',
  additionalProperties: false,
  required: ['containers', 'requests'],
  properties: {
    containers: { ...flag, description: 'False: the engine is not asked.' },
    requests: {
      type: 'array',
      maxItems: MAX_INSTANCES,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['slug', 'project', 'directory', 'paths'],
        // What the host finds wrong with one instance must not keep the others from being observed.
        properties: { ...instanceRef, directory: relativePath, paths: renderedPaths, known: observationTag },
      },
    },
  },
} as const satisfies JSONSchema;

const observeAnswer = {
  type: 'object',
  additionalProperties: false,
  required: ['tenants'],
  properties: {
    tenants: {
      type: 'array',
      maxItems: MAX_INSTANCES,
      description:
        'One for each request, in the same order; null where nothing has changed since the observation known.',
      items: nullable({
        type: 'object',
        additionalProperties: false,
        required: ['tag', 'observed'],
        properties: { tag: observationTag, observed: observedTenant },
      }),
    },
  },
} as const satisfies JSONSchema;

const inspectBody = {
  type: 'object',
  additionalProperties: false,
  required: ['tenant', 'contents', 'containers'],
  properties: {
    tenant: desiredTenant,
    contents,
    documents: {
      type: 'object',
      maxProperties: 64,
      additionalProperties: { type: 'array', maxItems: 100 },
      description:
        'Of compose files among the contents: the plain value of each YAML document, to save parsing them again.',
    },
    containers: { ...flag, description: 'False: compose is not asked.' },
  },
} as const satisfies JSONSchema;

const hold = {
  type: 'object',
  additionalProperties: false,
  required: ['digest', 'imageTag'],
  properties: { digest, imageTag: word },
} as const satisfies JSONSchema;

const applyBody = {
  type: 'object',
  additionalProperties: false,
  required: ['applyId', 'plan'],
  properties: {
    applyId: {
      type: 'string',
      format: 'uuid',
      description: 'Asking again with the same one follows the apply that it started, and never starts a second one.',
    },
    plan,
    contents: { ...contents, description: 'Of every file of the plan. Either this or generation.' },
    generation: { ...count, description: 'A file set that the host keeps.' },
    hold: { ...hold, description: 'Set by a rollback: do not apply this desired digest again until it changes.' },
  },
  oneOf: [{ required: ['contents'] }, { required: ['generation'] }],
} as const satisfies JSONSchema;

const refBody = {
  type: 'object',
  additionalProperties: false,
  required: ['slug', 'project', 'directory'],
  properties: instanceRef,
} as const satisfies JSONSchema;

const rollbackBody = {
  type: 'object',
  additionalProperties: false,
  required: ['slug', 'project', 'directory', 'timeouts'],
  properties: { ...instanceRef, to: { type: 'integer', minimum: 1 }, timeouts },
} as const satisfies JSONSchema;

const rollbackAnswer = {
  type: 'object',
  additionalProperties: false,
  required: ['plan', 'generation', 'diffs'],
  properties: { plan, generation: count, diffs: fileDiffs },
} as const satisfies JSONSchema;

const infoAnswer = {
  type: 'object',
  additionalProperties: false,
  required: ['host', 'agent', 'engine', 'compose', 'problems', 'instances'],
  properties: {
    host: name,
    agent: { ...word, description: "The agent's version." },
    engine: { ...nullable(word), description: 'null when it does not answer.' },
    compose: { ...nullable(word), description: 'null when there is none.' },
    problems: { ...sentences, description: 'What is in the way of engine or compose.' },
    instances: { ...names, description: 'Directories below the root that were applied, sorted.' },
  },
} as const satisfies JSONSchema;

const MiB = 1024 * 1024;

export interface Route {
  method: 'GET' | 'POST' | 'DELETE';
  path: string;
  summary: string;
  /** Bytes. */
  bodyLimit: number;
  body?: JSONSchema;
  answer?: JSONSchema;
}

/** Everything that an agent can be asked. There is no route for a command. */
export const ROUTES = {
  health: { method: 'GET', path: '/healthz', summary: 'Whether the agent serves.', bodyLimit: 0 },
  info: {
    method: 'GET',
    path: '/v1/info',
    summary: 'Versions of agent, engine and compose; instances found.',
    bodyLimit: 0,
    answer: infoAnswer,
  },
  observe: {
    method: 'POST',
    path: '/v1/observe',
    summary: 'What is there now, for many instances at once. Writes nothing.',
    bodyLimit: 16 * MiB,
    body: observeBody,
    answer: observeAnswer,
  },
  inspect: {
    method: 'POST',
    path: '/v1/instance/:slug/files/diff',
    summary: 'What desired files would change: diffs, variables, and what compose would do. Writes nothing.',
    bodyLimit: 16 * MiB,
    body: inspectBody,
    answer: inspection,
  },
  apply: {
    method: 'POST',
    path: '/v1/instance/:slug/apply',
    summary:
      'Carries out a plan as one transaction, streaming lines of JSON. It is finished even if the asker goes away.',
    bodyLimit: 16 * MiB,
    body: applyBody,
    answer: applyLine,
  },
  follow: {
    method: 'GET',
    path: '/v1/instance/:slug/apply/:applyId',
    summary: 'Follows an apply from its beginning, also for some time after it has ended.',
    bodyLimit: 0,
    answer: applyLine,
  },
  cancel: {
    method: 'DELETE',
    path: '/v1/instance/:slug/apply/:applyId',
    summary: 'Asks an apply to stop if nothing has been changed yet; later it is finished.',
    bodyLimit: 0,
  },
  supersede: {
    method: 'POST',
    path: '/v1/instance/:slug/apply/:applyId/supersede',
    summary:
      'Tells an apply that newer desired state waits: it stops before its commit, and waits for health no longer.',
    bodyLimit: 0,
  },
  generations: {
    method: 'POST',
    path: '/v1/instance/:slug/generations',
    summary: 'The file sets that the host keeps, newest first.',
    bodyLimit: MiB,
    body: refBody,
    answer: { type: 'array', items: generation },
  },
  rollback: {
    method: 'POST',
    path: '/v1/instance/:slug/rollback',
    summary: 'The plan that brings a kept file set back, to be sent to apply with that generation. Writes nothing.',
    bodyLimit: MiB,
    body: rollbackBody,
    answer: rollbackAnswer,
  },
  events: {
    method: 'GET',
    path: '/v1/events',
    summary: 'Server-sent events: a managed file or a container changed.',
    bodyLimit: 0,
    answer: hostEvent,
  },
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof ROUTES;
export type ObserveBody = FromSchema<typeof observeBody>;
export type ObserveAnswer = FromSchema<typeof observeAnswer>;
export type InspectBody = FromSchema<typeof inspectBody>;
export type ApplyBody = FromSchema<typeof applyBody>;
export type RefBody = FromSchema<typeof refBody>;
export type RollbackBody = FromSchema<typeof rollbackBody>;
export type RollbackAnswer = FromSchema<typeof rollbackAnswer>;
export type InfoAnswer = FromSchema<typeof infoAnswer>;
export type ApplyLine = FromSchema<typeof applyLine>;
