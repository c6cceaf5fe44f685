import type { ErrorObject, ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describeSchemaErrors, describeType } from '../manifest/describe-schema-error.js';
import type { Finding } from '../manifest/finding.js';
import { nearestName } from '../manifest/nearest.js';
import { findConfigFaults } from './find-config-faults.js';
import { type WatchConfigDocument, watchConfigSchema } from './watch-config-schema.js';

/**
 * All that is wrong with a configuration as it is written, with code ConfigInvalid; an empty list means that it is a
 * `WatchConfigDocument`. Nothing of the world is looked at: neither files nor the environment.
 */
export function validateWatchConfig(value: unknown): Finding[] {
  const wrongKind = findWrongKind(value);
  if (wrongKind !== null) return [wrongKind];
  validate ??= new Ajv2020({ allErrors: true, verbose: true, validateSchema: false }).compile(watchConfigSchema);
  if (validate(value)) return findConfigFaults((value as WatchConfigDocument).spec);
  const findings = describeSchemaErrors(validate.errors as ErrorObject[], value);
  return findings.map((finding): Finding => ({ ...finding, code: 'ConfigInvalid' }));
}

let validate: ValidateFunction | undefined;

function findWrongKind(value: unknown): Finding | null {
  const code = 'ConfigInvalid';
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { code, message: 'expected a map with apiVersion, kind and spec', path: [] };
  }
  const { kind } = value as { kind?: unknown };
  if (kind === 'WatchConfig') return null;
  if (kind === undefined) return { code, message: 'kind is missing: expected WatchConfig', path: [] };
  const nearest = typeof kind === 'string' ? nearestName(kind, ['WatchConfig']) : undefined;
  return {
    code,
    message: `kind: expected WatchConfig, found ${describeType(kind)}`,
    path: ['kind'],
    ...(nearest === undefined ? {} : { hint: `did you mean ${nearest}?` }),
  };
}
