/** Writes the JSON Schemas and the OpenAPI document that ship with the package. `--check` only says which are out of date, and then fails. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readVersion } from '../src/cli/version.js';
import { watchConfigSchema } from '../src/config/watch-config-schema.js';
import { reportSchema } from '../src/controller/report-schema.js';
import { KIND_SCHEMAS, type ManifestKind, manifestSchema } from '../src/manifest/schema.js';
import { buildOpenApi } from './openapi.js';

const directory = new URL('../schemas/', import.meta.url);
const schemas: Record<string, unknown> = {
  'reconcile-report.schema.json': reportSchema,
  'manifest.schema.json': manifestSchema(),
  'watch-config.schema.json': watchConfigSchema,
  'agent.openapi.json': buildOpenApi(readVersion()),
};
for (const kind of Object.keys(KIND_SCHEMAS) as ManifestKind[]) {
  schemas[`${kind.toLowerCase()}.schema.json`] = manifestSchema(kind);
}

const check = process.argv.includes('--check');
mkdirSync(directory, { recursive: true });
for (const [name, schema] of Object.entries(schemas)) {
  const file = new URL(name, directory);
  const text = `${JSON.stringify(schema, null, 2)}\n`;
  if (!check) writeFileSync(file, text);
  else if (read(file) !== text) {
    process.stderr.write(`schemas/${name} is out of date: npx tsx scripts/generate-schemas.ts\n`);
    process.exitCode = 1;
  }
}

function read(file: URL): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
