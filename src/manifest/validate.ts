import type { ErrorObject, ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describeSchemaErrors, describeType, formatPath } from './describe-schema-error.js';
import type { Finding, PathPart } from './finding.js';
import { nearestName } from './nearest.js';
import { KIND_SCHEMAS, type ManifestKind } from './schema.js';

/**
 * All that is wrong with a document as its kind's schema sees it; an empty list means that it is a `ManifestOf` its
 * `kind`. `kinds` are those that may stand where the document stands.
 */
export function validateManifest(value: unknown, kinds: readonly ManifestKind[]): Finding[] {
  const kind = readKind(value, kinds);
  if (typeof kind !== 'string') return [kind];
  const validate = validatorOf(kind);
  const findings = validate(value) ? [] : describeSchemaErrors(validate.errors as ErrorObject[], value);
  const values = (value as { spec?: { values?: unknown } }).spec?.values;
  if (values !== undefined) findUnusableNumbers(values, ['spec', 'values'], findings);
  return findings;
}

const compiled = new Map<ManifestKind, ValidateFunction>();
let ajv: Ajv2020 | undefined;

function validatorOf(kind: ManifestKind): ValidateFunction {
  let validate = compiled.get(kind);
  if (validate === undefined) {
    // the schemas are checked against the meta-schema by a test, not at each start
    ajv ??= new Ajv2020({ allErrors: true, verbose: true, allowUnionTypes: true, validateSchema: false });
    validate = ajv.compile(KIND_SCHEMAS[kind]);
    compiled.set(kind, validate);
  }
  return validate;
}

function readKind(value: unknown, kinds: readonly ManifestKind[]): ManifestKind | Finding {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const message = `expected a map with apiVersion, kind, metadata and spec, found ${describeType(value)}`;
    return { code: 'ManifestInvalid', message, path: [] };
  }
  const { kind } = value as { kind?: unknown };
  if (kinds.includes(kind as ManifestKind)) return kind as ManifestKind;
  if (kind === undefined) {
    return { code: 'ManifestInvalid', message: `kind is missing: expected ${oneOf(kinds)}`, path: [] };
  }
  const path = ['kind'];
  if (kind === 'Template') {
    const message = `kind: expected ${oneOf(kinds)}, found Template`;
    return { code: 'ManifestInvalid', message, path, hint: 'a Template belongs in templates/NAME/template.yaml' };
  }
  const nearest = typeof kind === 'string' ? nearestName(kind, kinds) : undefined;
  return {
    code: 'ManifestInvalid',
    message: `kind: expected ${oneOf(kinds)}, found ${describeType(kind)}`,
    path,
    ...(nearest === undefined ? {} : { hint: `did you mean ${nearest}?` }),
  };
}

function oneOf(names: readonly string[]): string {
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}

/** YAML can write numbers that JSON cannot hold (`.inf`, `.nan`) and whole numbers too large to be kept exactly. */
function findUnusableNumbers(value: unknown, path: readonly PathPart[], findings: Finding[]): void {
  if (typeof value === 'number') {
    const usable = Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value);
    if (usable) return;
    const message = `${formatPath(path)}: expected a number that can be kept exactly`;
    findings.push({ code: 'ManifestInvalid', message, path, needsQuotes: true });
  } else if (typeof value === 'object' && value !== null) {
    for (const key of Object.keys(value)) {
      const child = (value as Record<string, unknown>)[key];
      if (typeof child !== 'number' && typeof child !== 'object') continue;
      findUnusableNumbers(child, [...path, Array.isArray(value) ? Number(key) : key], findings);
    }
  }
}
