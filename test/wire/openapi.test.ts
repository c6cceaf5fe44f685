import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import { ROUTES } from '../../src/wire/messages.js';

const document = JSON.parse(readFileSync(new URL('../../schemas/agent.openapi.json', import.meta.url), 'utf8'));

describe('agent.openapi.json', () => {
  it('is a valid OpenAPI 3.1 document', async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(document));
    expect(errors ?? []).toEqual([]);
    expect(valid).toBe(true);
    expect(document.openapi).toBe('3.1.0');
  });

  it('has every route of the agent, and no other', () => {
    const described = Object.entries(document.paths as Record<string, object>).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
    );
    expect(described.sort()).toEqual(
      Object.values(ROUTES)
        .map(({ method, path }) => `${method} ${path}`)
        .sort(),
    );
  });

  it('bounds every list, text and map that an agent can be sent', () => {
    const unbounded: string[] = [];
    const visit = (schema: Record<string, unknown>, at: string): void => {
      if (schema.type === 'array' && schema.maxItems === undefined) unbounded.push(`${at}: maxItems`);
      const bounds = ['maxLength', 'pattern', 'format', 'enum'];
      if (schema.type === 'string' && !bounds.some((bound) => bound in schema)) unbounded.push(`${at}: maxLength`);
      if (schema.type === 'object' && schema.additionalProperties !== false && schema.maxProperties === undefined)
        unbounded.push(`${at}: additionalProperties`);
      for (const [key, value] of Object.entries(schema)) {
        if (typeof value === 'object' && value !== null && key !== 'enum')
          visit(value as typeof schema, `${at}.${key}`);
      }
    };
    for (const { body, path } of Object.values(ROUTES) as { body?: Record<string, unknown>; path: string }[]) {
      if (body) visit(body, path);
    }
    expect(unbounded).toEqual([]);
  });
});
