import type { FromSchema } from 'json-schema-to-ts';
import { ERROR_CODES } from '../errors.js';

const names = { type: 'array', items: { type: 'string' } } as const;
const count = { type: 'integer', minimum: 0 } as const;
const nullableString = { type: ['string', 'null'] } as const;
const mode = { type: 'string', pattern: '^[0-7]{4}$', description: 'Permission bits, octal.' } as const;

const problem = {
  type: 'object',
  additionalProperties: false,
  required: ['code', 'message', 'file', 'line', 'column', 'excerpt', 'hint', 'slug'],
  properties: {
    code: { type: 'string', enum: Object.keys(ERROR_CODES) },
    message: { type: 'string' },
    file: { type: 'string' },
    line: { type: ['integer', 'null'], minimum: 1 },
    column: { type: ['integer', 'null'], minimum: 1 },
    excerpt: { ...nullableString, description: 'The line, and a caret below it.' },
    hint: nullableString,
    slug: { ...nullableString, description: 'The instance that it keeps from being reconciled, where one is known.' },
  },
} as const;

const file = {
  type: 'object',
  additionalProperties: false,
  required: ['path', 'status', 'cause', 'reason', 'sensitive', 'diff', 'truncated', 'omittedLines'],
  properties: {
    path: { type: 'string', description: 'Relative to the instance.' },
    status: { type: 'string', enum: ['modified', 'created', 'deleted', 'kept'] },
    cause: {
      type: 'string',
      enum: ['new', 'update', 'drift', 'conflict', 'adopt', 'no longer rendered', 'edited on the host'],
    },
    reason: { type: 'string', description: 'The cause in a phrase for a person.' },
    sensitive: { type: 'boolean', description: 'Its diff shows masked values.' },
    diff: {
      ...nullableString,
      description: 'Unified diff, or a sentence for binary and very large files; null where none was made.',
    },
    truncated: { type: 'boolean' },
    omittedLines: count,
  },
} as const;

const container = {
  type: 'object',
  additionalProperties: false,
  required: ['service', 'action', 'cause'],
  properties: {
    service: { type: 'string' },
    action: { type: 'string', enum: ['create', 'recreate', 'restart', 'signal', 'start', 'remove', 'none'] },
    cause: { type: 'string', description: 'Empty exactly when the action is none.' },
  },
} as const;

const operation = {
  type: 'object',
  additionalProperties: false,
  required: ['kind', 'cause'],
  properties: {
    kind: {
      type: 'string',
      enum: ['write', 'remove', 'pull', 'removeServices', 'up', 'restart', 'signal', 'down', 'verify', 'record'],
    },
    cause: { type: 'string' },
    path: { type: 'string', description: 'Of write and remove.' },
    mode: { ...mode, description: 'Of write: permission bits, octal.' },
    inPlace: { type: 'boolean', description: 'Of write: the inode is kept.' },
    createOnly: { type: 'boolean', description: 'Of write: only where the file is absent.' },
    services: { ...names, description: 'Of removeServices, up, restart and down.' },
    recreate: { ...names, description: 'Of up: services to make anew though compose would leave them alone.' },
    service: { type: 'string', description: 'Of signal.' },
    signal: { type: 'string', description: 'Of signal.' },
  },
} as const;

const gate = {
  type: ['object', 'null'],
  additionalProperties: false,
  description: 'Why a plan with operations is not applied now.',
  required: ['reason', 'message', 'hint', 'until', 'blocked'],
  properties: {
    reason: {
      type: 'string',
      enum: ['Suspended', 'Locked', 'DriftReported', 'EnvCoverageBlocked', 'RolledBack', 'OutsideWindow'],
    },
    message: { type: 'string' },
    hint: nullableString,
    until: { ...nullableString, description: 'When it ends by itself, where that is known: ISO 8601, UTC.' },
    blocked: {
      type: 'boolean',
      description: 'Desired state is held back against the wish of the operator: exit code 1.',
    },
  },
} as const;

const envCoverage = {
  type: ['object', 'null'],
  additionalProperties: false,
  description:
    "The variables the compose files need, against the names the tenant's .env defines. Sorted names, no values. Null where nobody looked: an instance that is in sync outside of a preview, or one that no plan could be made for.",
  required: ['required', 'missingInTenantEnv', 'blocking', 'newlyNeeded', 'suspect'],
  properties: {
    required: { ...names, description: 'Referenced without a default.' },
    missingInTenantEnv: { ...names, description: 'Not defined: compose puts an empty string.' },
    blocking: { ...names, description: 'Not defined or empty where compose insists on a value: the apply is refused.' },
    newlyNeeded: {
      ...names,
      description: 'Missing or blocking, and not referenced by the compose files that are there now.',
    },
    suspect: { ...names, description: 'Defined with a $ that compose will take for a variable.' },
  },
} as const;

const condition = {
  type: 'object',
  additionalProperties: false,
  required: ['type', 'status', 'reason', 'message', 'lastTransitionTime'],
  properties: {
    type: { type: 'string', enum: ['Ready', 'Reconciling', 'Stalled', 'Drifted'] },
    status: { type: 'string', enum: ['True', 'False', 'Unknown'] },
    reason: { type: 'string' },
    message: { type: 'string' },
    lastTransitionTime: { type: 'string', format: 'date-time' },
  },
} as const;

const itemError = {
  type: ['object', 'null'],
  additionalProperties: false,
  required: ['code', 'message', 'hint', 'phase', 'problems'],
  properties: {
    code: { type: 'string', enum: Object.keys(ERROR_CODES) },
    message: { type: 'string' },
    hint: nullableString,
    phase: { ...nullableString, description: 'The step of the apply during which it happened.' },
    problems: { type: 'array', items: problem },
  },
} as const;

const applied = {
  type: ['object', 'null'],
  additionalProperties: false,
  description: 'What an apply did; null where nothing was applied.',
  required: ['generation', 'phases', 'recreated', 'restarted'],
  properties: {
    generation: count,
    phases: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['phase', 'durationMs'],
        properties: { phase: { type: 'string' }, durationMs: { type: 'number', minimum: 0 } },
      },
    },
    recreated: names,
    restarted: names,
  },
} as const;

const item = {
  type: 'object',
  additionalProperties: false,
  required: [
    'slug',
    'host',
    'fleet',
    'imageTag',
    'fromImageTag',
    'result',
    'files',
    'containers',
    'envCoverage',
    'operations',
    'warnings',
    'gate',
    'conditions',
    'error',
    'applied',
  ],
  properties: {
    slug: { type: 'string' },
    host: { type: 'string', description: 'Empty where the manifest could not be read.' },
    fleet: nullableString,
    imageTag: { type: 'string', description: 'The desired one.' },
    fromImageTag: {
      ...nullableString,
      description: 'The tag last applied; null when nothing was, or when no plan could be made.',
    },
    result: { type: 'string', enum: ['inSync', 'changed', 'converged', 'waiting', 'failed'] },
    files: { type: 'array', items: file, description: 'Sorted by path; unchanged ones are left out.' },
    containers: {
      type: ['array', 'null'],
      items: container,
      description: 'Sorted by service; null when left out of the preview.',
    },
    envCoverage,
    operations: { type: 'array', items: operation, description: 'In the order in which they run. Empty: in sync.' },
    warnings: names,
    gate,
    conditions: { type: 'array', items: condition },
    error: itemError,
    applied,
  },
} as const;

/** JSON Schema (2020-12) of `flotilla reconcile -o json`. Fields are added to it, never changed or taken away, within v1. */
export const reportSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'https://flotilla.dev/schemas/v1/reconcile-report.schema.json',
  title: 'ReconcileReport',
  type: 'object',
  additionalProperties: false,
  required: ['apiVersion', 'kind', 'revision', 'dryRun', 'summary', 'items', 'problems'],
  properties: {
    apiVersion: { const: 'flotilla.dev/v1' },
    kind: { const: 'ReconcileReport' },
    revision: { type: 'string', description: 'What desired state was read from.' },
    dryRun: { type: 'boolean' },
    summary: {
      type: 'object',
      additionalProperties: false,
      required: ['inSync', 'changed', 'converged', 'waiting', 'failed'],
      properties: { inSync: count, changed: count, converged: count, waiting: count, failed: count },
    },
    items: { type: 'array', items: item, description: 'Sorted by slug.' },
    problems: { type: 'array', items: problem, description: 'What is wrong with desired state, in file order.' },
  },
} as const;

/** The document that `-o json` and `-o yaml` print. */
export type ReportDocument = FromSchema<typeof reportSchema>;
