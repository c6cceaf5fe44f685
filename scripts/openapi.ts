import { ROUTES, type Route, type RouteName } from '../src/wire/messages.js';
import { errorAnswer } from '../src/wire/schema-parts.js';

/** What an answer is, where it is not one JSON document. */
const STREAMS: Partial<Record<RouteName, string>> = {
  apply: 'application/x-ndjson',
  follow: 'application/x-ndjson',
  events: 'text/event-stream',
};

/** What is only taken note of. */
const ACCEPTED: ReadonlySet<RouteName> = new Set<RouteName>(['cancel', 'supersede']);

/** The agent's API as OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.0), from the schemas that validate it. */
export function buildOpenApi(version: string): unknown {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [name, route] of Object.entries(ROUTES) as [RouteName, Route][]) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: describeRoute(name, route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Flotilla agent',
      version,
      description:
        'The tenants of one host. HTTPS with TLS 1.3 only; the client shows a certificate of the same authority with the role of a controller. There is no route for a command.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: 'https://{host}:7443', variables: { host: { default: 'localhost' } } }],
    security: [{ controller: [] }],
    paths,
    components: {
      securitySchemes: { controller: { type: 'mutualTLS', description: 'SAN URI urn:flotilla:controller:NAME' } },
      schemas: { Error: errorAnswer },
    },
  };
}

function describeRoute(name: RouteName, { path, summary, body, answer, bodyLimit }: Route): unknown {
  const parameters = [...path.matchAll(/:(\w+)/g)].map(([, parameter]) => ({
    name: parameter,
    in: 'path',
    required: true,
    schema: { type: 'string', maxLength: 63 },
  }));
  return {
    operationId: name,
    summary,
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && {
      requestBody: {
        required: true,
        description: `At most ${bodyLimit / 1024 / 1024} MiB.`,
        content: { 'application/json': { schema: body } },
      },
    }),
    responses: {
      [ACCEPTED.has(name) ? 202 : 200]: {
        description: STREAMS[name] === undefined ? 'The answer.' : 'A stream; this is one message of it.',
        ...(answer !== undefined && { content: { [STREAMS[name] ?? 'application/json']: { schema: answer } } }),
      },
      default: {
        description: 'What went wrong; the status is that of its code.',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    },
  };
}
