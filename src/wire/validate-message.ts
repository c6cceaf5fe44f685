import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import type { JSONSchema } from 'json-schema-to-ts';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const ajv = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true, formats: { uuid: UUID } });

/** The check of one message, compiled once for each schema: it neither coerces nor removes anything, and stops at the first fault. */
export function compileMessage<T>(schema: JSONSchema): ValidateFunction<T> {
  return ajv.compile<T>(schema as object);
}

/** Where a message is wrong and how, without quoting what was sent. */
export function describeFault(errors: readonly Pick<ErrorObject, 'instancePath' | 'message' | 'schemaPath'>[]): string {
  const [fault] = errors;
  if (!fault) return 'it is not as it should be';
  const segments = fault.instancePath.split('/').slice(1);
  // Below a map the name is the sender's.
  if (fault.schemaPath.includes('/additionalProperties/')) segments.pop();
  return `${segments.join('.') || 'the body'} ${fault.message ?? 'is wrong'}`;
}
