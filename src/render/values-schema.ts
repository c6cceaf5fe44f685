import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import type { Values } from '../manifest/desired-state.js';
import { nearestName } from '../manifest/nearest.js';
import type { ValueFinding } from './template.js';

type Compiled = { check: (values: Values) => ValueFinding[] } | { fault: string };

/** Most of one instance: a schema can find a fault in every element of a long list. */
const MOST_FINDINGS = 20;

/**
 * Compiles a template's valuesSchema (JSON Schema 2020-12).
 *
 * @returns a check of values, or in words what is wrong with the schema
 */
export function compileValuesSchema(schema: object): Compiled {
  const text = JSON.stringify(schema);
  const known = compiled.get(text);
  if (known) return known;
  if (compiled.size >= MOST_COMPILED) compiled.clear();
  const made = compileAnew(schema);
  compiled.set(text, made);
  return made;
}

/** A daemon reads the same templates again and again, and compiling takes longer than all else of that. */
const compiled = new Map<string, Compiled>();
const MOST_COMPILED = 200;

function compileAnew(schema: object): Compiled {
  const ajv = new Ajv2020({ allErrors: true, strict: true, strictRequired: false, logger: false, verbose: true });
  // Told about but not checked: a schema may say them to its readers.
  for (const format of ['email', 'hostname', 'ipv4', 'ipv6', 'uri', 'date', 'date-time', 'uuid'])
    ajv.addFormat(format, true);
  try {
    const validate = ajv.compile(schema);
    return {
      check(values) {
        if (validate(values)) return [];
        return (validate.errors ?? []).filter(isOwnFault).slice(0, MOST_FINDINGS).map(toFinding);
      },
    };
  } catch (error) {
    return { fault: error instanceof Error ? error.message : 'it does not compile' };
  }
}

/** `if` says only that a branch of it failed, which has been said. */
function isOwnFault({ keyword }: ErrorObject): boolean {
  return keyword !== 'if';
}

/** No value is quoted; names of keys, and what the schema allows, are. */
function toFinding(error: ErrorObject): ValueFinding {
  const { keyword, params, instancePath } = error;
  if (keyword === 'required') {
    const name = String(params.missingProperty);
    const message = `${name} is missing`;
    return { pointer: instancePath, message, missing: [...dotted(instancePath), name].join('.') };
  }
  if (keyword === 'additionalProperties' || keyword === 'unevaluatedProperties') {
    const name = String(params.additionalProperty ?? params.unevaluatedProperty);
    const known = Object.keys((error.parentSchema?.properties as object | undefined) ?? {});
    const near = nearestName(name, known);
    const hint = near === undefined ? `known are: ${known.sort().join(', ')}` : `did you mean ${near}?`;
    return { pointer: `${instancePath}/${name}`, message: `${name} is not known`, ...(known.length > 0 && { hint }) };
  }
  return { pointer: instancePath, message: phraseOf(error) };
}

function phraseOf({ keyword, params, message }: ErrorObject): string {
  if (keyword === 'enum') return `must be one of ${(params.allowedValues as unknown[]).map(String).join(', ')}`;
  if (keyword === 'const') return `must be ${JSON.stringify(params.allowedValue)}`;
  if (keyword === 'type') return `must be ${WITH_ARTICLE[String(params.type)] ?? `one of ${String(params.type)}`}`;
  return message ?? `does not meet "${keyword}"`;
}

const WITH_ARTICLE: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  null: 'null',
};

function dotted(pointer: string): string[] {
  return ['values', ...pointer.split('/').slice(1)].map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}
