import type { JSONSchema } from 'json-schema-to-ts';
import { relativePath } from '../manifest/schema-parts.js';
import { duration, path } from './watch-config-parts.js';

const directorySource = {
  type: 'object',
  additionalProperties: false,
  description: 'Desired state is in directories of this machine, which are watched.',
  examples: [{ manifests: './manifests', templates: './templates' }],
  properties: {
    manifests: {
      ...path,
      default: './manifests',
      description: 'The directory of manifests.',
      examples: ['./manifests'],
    },
    templates: {
      ...path,
      default: './templates',
      description: 'The directory of templates.',
      examples: ['./templates'],
    },
  },
} as const satisfies JSONSchema;

const gitSource = {
  type: 'object',
  additionalProperties: false,
  required: ['url'],
  description: 'Desired state is what a branch or a tag of a git repository points to.',
  examples: [{ url: 'https://git.example.org/ops/fleet.git', branch: 'main' }],
  properties: {
    url: {
      type: 'string',
      title: 'the address of a repository: https, ssh (also user@host:path), or a path of this machine',
      pattern: '^(?!-)[^\\u0000-\\u0020\\u007f](?:[^\\u0000-\\u001f\\u007f]*[^\\u0000-\\u0020\\u007f])?$',
      maxLength: 4096,
      description:
        'Where the repository is. Credentials come from git itself: its credential helpers, or a key of ssh.',
      examples: ['https://git.example.org/ops/fleet.git', 'git@git.example.org:ops/fleet.git'],
    },
    branch: { ...gitName(), description: 'The branch to follow. By default main.', examples: ['main'] },
    tag: { ...gitName(), description: 'The tag to follow, instead of a branch.', examples: ['production'] },
    manifests: {
      ...relativePath,
      default: 'manifests',
      description: 'The folder of manifests in the repository.',
      examples: ['fleet/manifests'],
    },
    templates: {
      ...relativePath,
      default: 'templates',
      description: 'The folder of templates in the repository.',
      examples: ['fleet/templates'],
    },
    interval: {
      ...duration,
      default: '1m',
      description: 'How often the repository is asked whether there is something new. Webhooks make it sooner.',
      examples: ['5m'],
    },
    verify: {
      type: 'object',
      additionalProperties: false,
      required: ['allowedSigners'],
      description: 'Only commits with a good signature are taken.',
      examples: [{ allowedSigners: './allowed_signers' }],
      properties: {
        allowedSigners: {
          ...path,
          description: 'Who may sign: a file as ssh-keygen reads it (ALLOWED SIGNERS in its manual).',
          examples: ['./allowed_signers'],
        },
      },
    },
  },
} as const satisfies JSONSchema;

/** What git takes as the name of a branch or tag; the rest of its rules (git check-ref-format) are left to git. */
function gitName() {
  return {
    type: 'string',
    title: 'the name of a branch or tag',
    pattern: '^(?![-/.])(?!.*(?:\\.\\.|//|@\\{))[^\\u0000-\\u0020\\u007f~^:?*\\[\\\\]+(?<![/.])$',
    maxLength: 255,
  } as const satisfies JSONSchema;
}

export const source = {
  type: 'object',
  title: 'exactly one of directory and git',
  description:
    'Where desired state is read from: exactly one of directory and git. By default the directories ./manifests and ./templates.',
  examples: [{ git: { url: 'https://git.example.org/ops/fleet.git' } }],
  additionalProperties: false,
  minProperties: 1,
  maxProperties: 1,
  properties: { directory: directorySource, git: gitSource },
} as const satisfies JSONSchema;
