import type { JSONSchema } from 'json-schema-to-ts';
import { DURATION_PATTERN } from './duration.js';

/**
 * The pieces that more than one kind of manifest uses. A `title` completes the sentence "expected ...", so that an
 * error, an editor's tooltip and the reference say the same.
 */

const API_VERSION = 'flotilla.dev/v1';

/** The dialect that every schema here is written in. */
export const DIALECT = 'https://json-schema.org/draft/2020-12/schema';

/** RFC 1123 label, as Kubernetes uses it for names. */
const DNS_LABEL = '^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$';

/** Segments joined by `/`: not empty, not `.` or `..`, without backslash or control characters. */
const RELATIVE_PATH =
  '^(?!\\.{1,2}(?:/|$))[^/\\\\\\u0000-\\u001f\\u007f]+(?:/(?!\\.{1,2}(?:/|$))[^/\\\\\\u0000-\\u001f\\u007f]+)*$';

export const apiVersion = {
  const: API_VERSION,
  description: 'The version of this format.',
  examples: [API_VERSION],
} as const satisfies JSONSchema;

export const name = {
  type: 'string',
  title: 'a DNS label: 1 to 63 of a-z, 0-9 and "-", starting and ending with a letter or digit',
  pattern: DNS_LABEL,
  maxLength: 63,
} as const satisfies JSONSchema;

export const relativePath = {
  type: 'string',
  title: 'a relative path inside the directory it is read in: no leading "/", no "." or "..", no backslash',
  pattern: RELATIVE_PATH,
  maxLength: 1024,
} as const satisfies JSONSchema;

/** The grammar of a tag in the OCI distribution specification, which Docker's reference grammar shares. */
export const imageTag = {
  type: 'string',
  title: 'an image tag: 1 to 128 letters, digits, "_", "." and "-", not starting with "." or "-"',
  pattern: '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$',
  description: "The tag that the template's images are run with.",
  examples: ['v2.4.1'],
} as const satisfies JSONSchema;

/** As the compose specification writes a project's name. */
export const project = {
  type: 'string',
  title: 'a compose project name: a-z, 0-9, "_" and "-", starting with a letter or digit',
  pattern: '^[a-z0-9][a-z0-9_-]*$',
  maxLength: 128,
} as const satisfies JSONSchema;

export const template = {
  ...name,
  description: 'The template to render: the name of a folder in the templates directory.',
  examples: ['changemaker'],
} as const satisfies JSONSchema;

export const values = {
  type: 'object',
  description:
    "What the template's files may refer to as `values`. Maps merge over the fleet's, key by key; lists and scalars (null too) replace what the fleet says.",
  examples: [{ domain: 'acme.example.org', smtp: { host: 'mail.example.org' } }],
} as const satisfies JSONSchema;

export const driftPolicy = {
  enum: ['Heal', 'Report'],
  default: 'Heal',
  description:
    'What to do when somebody changed a managed file or container on the host: Heal puts it back, Report only says so.',
  examples: ['Report'],
} as const satisfies JSONSchema;

export const rollback = {
  enum: ['Manual', 'OnFailure'],
  default: 'Manual',
  description:
    'What to do when an upgrade fails: Manual leaves it to a person, OnFailure restores the file set that last worked.',
  examples: ['OnFailure'],
} as const satisfies JSONSchema;

export const suspend = {
  type: 'boolean',
  default: false,
  description: 'True to leave the instance alone: it is planned and reported, never changed.',
  examples: [true],
} as const satisfies JSONSchema;

export const deletionPolicy = {
  enum: ['Orphan', 'Down'],
  default: 'Orphan',
  description:
    'What becomes of the instance when its manifest is removed: Orphan leaves it as it is, Down removes its containers and networks. Its volumes, files and images stay in either case.',
  examples: ['Down'],
} as const satisfies JSONSchema;

const duration = {
  type: 'string',
  title: 'a duration such as 10m, 90s, 1h30m or 500ms, at most 24h',
  minLength: 2,
  pattern: DURATION_PATTERN,
} as const satisfies JSONSchema;

export const timeouts = {
  type: 'object',
  additionalProperties: false,
  description: 'How long each step of an apply may take. What is left out comes from the fleet, then from the default.',
  examples: [{ pull: '20m', verify: '90s' }],
  properties: {
    pull: { ...duration, default: '10m', description: 'Pulling the images.', examples: ['20m'] },
    up: { ...duration, default: '5m', description: 'Bringing the services up.', examples: ['5m'] },
    verify: {
      ...duration,
      default: '3m',
      description: 'Waiting for every service to run and be healthy.',
      examples: ['90s'],
    },
    settle: {
      ...duration,
      default: '5s',
      description: 'How long services must stay up after that, to catch those that start and then crash. May be 0s.',
      examples: ['10s'],
    },
  },
} as const satisfies JSONSchema;

/** Label keys and values as Kubernetes writes them (an optional prefix and `/`, then a name). */
export const labels = {
  type: 'object',
  description: 'Free labels to select and group by; the template sees them as `labels`.',
  examples: [{ tier: 'gold', 'example.org/owner': 'team-a' }],
  propertyNames: {
    type: 'string',
    title: 'a label key: letters, digits, "-", "_" and ".", with an optional "prefix/"',
    pattern: '^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$',
  },
  additionalProperties: {
    type: 'string',
    title: 'a label value: at most 63 letters, digits, "-", "_" and "."',
    pattern: '^(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$',
  },
} as const satisfies JSONSchema;
